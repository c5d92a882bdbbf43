// server-core/v2store/go-json.ts: texts as Go's encoding/json writes them. JSON.stringify differs: Go escapes <, >, & and the line
// separators U+2028 and U+2029, and replaces what is not UTF-8. Times are RFC 3339 with as many decimals as they need.
// Source: encoding/json encodeState.string, time.Time.MarshalJSON. Times are in UTC, as on a server whose zone is UTC.
import type {ByteString} from '../../base/byte-string.ts';

const HEX = '0123456789abcdef';
const REPLACEMENT = '\\ufffd';

/** A JSON string of UTF-8 bytes, quotes included. Bytes that are no UTF-8 become the escape of U+FFFD, one for each byte. */
export function goJsonString(bytes: ByteString): string {
  let text = '"';
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes.charCodeAt(at);
    if (byte < 0x80) {
      text += escapedAscii(byte);
      at++;
      continue;
    }
    const size = sequenceSize(bytes, at);
    if (size === 0) {
      text += REPLACEMENT;
      at++;
      continue;
    }
    text += escapedRune(codePoint(bytes, at, size));
    at += size;
  }
  return `${text}"`;
}

function escapedAscii(byte: number): string {
  switch (byte) {
    case 0x22:
      return '\\"';
    case 0x5c:
      return '\\\\';
    case 0x0a:
      return '\\n';
    case 0x0d:
      return '\\r';
    case 0x09:
      return '\\t';
    case 0x3c:
    case 0x3e:
    case 0x26:
      return unicodeEscape(byte);
    default:
      return byte < 0x20 ? unicodeEscape(byte) : String.fromCharCode(byte);
  }
}

function unicodeEscape(byte: number): string {
  return `\\u00${HEX[byte >> 4]}${HEX[byte & 15]}`;
}

function escapedRune(rune: number): string {
  if (rune === 0x2028) return '\\u2028';
  if (rune === 0x2029) return '\\u2029';
  return String.fromCodePoint(rune);
}

/** The length of the UTF-8 sequence there; 0 when there is none. Surrogates and overlong forms are none. */
function sequenceSize(bytes: ByteString, at: number): number {
  const first = bytes.charCodeAt(at);
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > bytes.length) return 0;
  for (let i = 1; i < size; i++) if ((bytes.charCodeAt(at + i) & 0xc0) !== 0x80) return 0;
  const rune = codePoint(bytes, at, size);
  const isOverlong = (size === 3 && rune < 0x800) || (size === 4 && rune < 0x10000);
  return isOverlong || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff) ? 0 : size;
}

function codePoint(bytes: ByteString, at: number, size: number): number {
  let rune = bytes.charCodeAt(at) & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) rune = rune * 64 + (bytes.charCodeAt(at + i) & 0x3f);
  return rune;
}

/** Go's zero time: a node that never expires. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

const SECOND_NS = 1_000_000_000n;

/** RFC 3339 of nanoseconds since 1970; decimals without trailing zeros, none when there are none. */
export function goTime(ns: bigint): string {
  let seconds = ns / SECOND_NS;
  let rest = ns % SECOND_NS;
  if (rest < 0n) {
    rest += SECOND_NS;
    seconds -= 1n;
  }
  const total = Number(seconds);
  const days = Math.floor(total / 86_400);
  const inDay = total - days * 86_400;
  const {year, month, day} = civilFromDays(days);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)}`;
  const decimals = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}${decimals}Z`;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Nanoseconds since 1970 of such a text; undefined for anything else. */
export function parseGoTime(text: string): bigint | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetMinutes = match[8] === undefined ? 0 : Number(match[9]) * 60 + Number(match[10]);
  const offset = match[8] === '-' ? -offsetMinutes : offsetMinutes;
  const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
  return BigInt(seconds) * SECOND_NS + BigInt((match[7] ?? '').padEnd(9, '0'));
}

/** Days since 1970-01-01 in the Gregorian calendar; the year begins in March, so that the leap day is its last. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): {readonly year: number; readonly month: number; readonly day: number} {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapless =
    dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(leapless / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}
