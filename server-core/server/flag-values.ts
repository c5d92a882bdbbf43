// server-core/server/flag-values.ts: values of etcd's command line as Go's flag package reads them, and what it says of those it does not
// take. Modelled: bool, int, uint and duration flags. Not modelled: numbers in other notations than decimal; they are an InputError.
import {InputError} from '../../base/input-error.ts';
import {FlagRefusal} from '../release/flag-refusal.ts';

/** A flag as it was given, without dashes. */
export interface GivenFlag {
  readonly name: string;
  readonly text: string;
}

const TRUE_WORDS: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE_WORDS: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** strconv.ParseBool; undefined for what it refuses. */
export function boolOf(text: string): boolean | undefined {
  if (TRUE_WORDS.includes(text)) return true;
  return FALSE_WORDS.includes(text) ? false : undefined;
}

/** A bool flag. Throws FlagRefusal. */
export function readBool({name, text}: GivenFlag): boolean {
  const value = boolOf(text);
  if (value === undefined) throw new FlagRefusal(`invalid boolean value "${text}" for -${name}: parse error`);
  return value;
}

const DECIMAL = /^[+-]?(?:0|[1-9]\d*)$/;
const OTHER_NOTATION = /^[+-]?(?:0[xXoObB]?[\da-fA-F_]+|\d+(?:_\d+)+)$/;
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

/** An int or uint flag. Throws FlagRefusal; InputError for what Go takes and this program cannot hold exactly. */
export function readInteger(given: GivenFlag, kind: 'int' | 'uint'): number {
  const {name, text} = given;
  const isSigned = /^[+-]/.test(text);
  if (kind === 'int' && OTHER_NOTATION.test(text)) throw inexact(given, 'write it as a decimal number');
  if (kind === 'uint' && !isSigned && OTHER_NOTATION.test(text)) throw inexact(given, 'write it as a decimal number');
  if (!DECIMAL.test(text) || (kind === 'uint' && isSigned)) throw unreadable(given, 'parse error');
  const exact = BigInt(text.replace(/^\+/, ''));
  const isInRange = kind === 'uint' ? exact <= UINT_MAX : exact <= INT_MAX && exact >= -INT_MAX - 1n;
  if (!isInRange) throw unreadable({name, text}, 'value out of range');
  const value = Number(exact);
  if (!Number.isSafeInteger(value)) throw inexact(given, 'the number is too large for this program');
  return value;
}

/** Nanoseconds of a duration flag. Throws FlagRefusal. */
export function readDurationNs(given: GivenFlag): number {
  const parsed = parseDuration(given.text);
  if (parsed.kind === 'refused') throw unreadable(given, 'parse error');
  return parsed.ns;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1_000],
  ['µs', 1_000],
  ['μs', 1_000],
  ['ms', 1_000_000],
  ['s', 1_000_000_000],
  ['m', 60_000_000_000],
  ['h', 3_600_000_000_000],
]);

export type ParsedDuration =
  | {readonly kind: 'ok'; readonly ns: number}
  | {readonly kind: 'refused'; readonly message: string};

/** time.ParseDuration of Go 1.15 and newer: `1h30m`, `2.5s`, `0`; the message is Go's. */
export function parseDuration(text: string): ParsedDuration {
  const refused = (why: string): ParsedDuration => ({kind: 'refused', message: `time: ${why}`});
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return {kind: 'ok', ns: 0};
  const part = /(\d*)(\.?)(\d*)([^\d.]*)/y;
  let ns = 0;
  while (part.lastIndex < unsigned.length) {
    const [, whole = '', , fraction = '', unit = ''] = part.exec(unsigned) ?? [];
    if (whole === '' && fraction === '') return refused(`invalid duration ${quoted(text)}`);
    if (unit === '') return refused(`missing unit in duration ${quoted(text)}`);
    const size = UNITS.get(unit);
    if (size === undefined) return refused(`unknown unit ${quoted(unit)} in duration ${quoted(text)}`);
    const scaled = fraction === '' ? 0n : (BigInt(fraction) * BigInt(size)) / 10n ** BigInt(fraction.length);
    ns += Number(BigInt(whole === '' ? 0 : whole) * BigInt(size) + scaled);
  }
  if (unsigned === '' || ns > Number(INT_MAX)) return refused(`invalid duration ${quoted(text)}`);
  return {kind: 'ok', ns: text.startsWith('-') ? -ns : ns};
}

const quoted = (text: string): string => JSON.stringify(text);

/** time.Duration.String of what is zero or below, as the refusals of a time that must be above zero print it. */
export function durationText(ns: number): string {
  const size = Math.abs(ns);
  const sign = ns < 0 ? '-' : '';
  if (size === 0) return '0s';
  if (size < 1_000) return `${sign}${size}ns`;
  if (size < 1_000_000) return `${sign}${size / 1_000}µs`;
  if (size < 1_000_000_000) return `${sign}${size / 1_000_000}ms`;
  const minutes = Math.floor(size / 60_000_000_000);
  const seconds = `${(size - minutes * 60_000_000_000) / 1_000_000_000}s`;
  if (minutes === 0) return `${sign}${seconds}`;
  return minutes < 60
    ? `${sign}${minutes}m${seconds}`
    : `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** What the flag package says of a value that a flag's own type refuses. */
export const unreadable = ({name, text}: GivenFlag, why: string): FlagRefusal =>
  new FlagRefusal(`invalid value ${quoted(text)} for flag -${name}: ${why}`);

/** What etcd takes, and this program does not: one line for the user. */
export const inexact = ({name, text}: GivenFlag, why: string): InputError =>
  new InputError(`--${name}=${text}: ${why}`);
