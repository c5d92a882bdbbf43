// Laws of base/: codecs come back as they went in, orders are total, streams depend on nothing but their names.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {compareByteStrings, describeBytes, fromBytes, prefixEnd, toBytes} from './byte-string.ts';
import {crc32c} from './crc32c.ts';
import {Digest, digestText} from './digest.ts';
import {formatId, idFromWords, idToWords, toId64} from './ids.ts';
import {Random} from './random.ts';
import {varintIdSize, varintSize, WireError, WireReader, WireWriter, wireTag} from './wire.ts';

const byteString = fc.uint8Array({maxLength: 40}).map(fromBytes);
const id64 = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).map(([high, low]) => idFromWords(high, low));

describe('byte strings', () => {
  test('bytes come back as they went in, also beyond one chunk', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 9000}), (bytes) => {
        expect(toBytes(fromBytes(bytes))).toEqual(bytes);
      }),
    );
  });
  test('order is byte order', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(Math.sign(compareByteStrings(fromBytes(a), fromBytes(b)))).toBe(Math.sign(Buffer.compare(a, b)));
      }),
    );
  });
  test('a prefix range holds exactly the keys with the prefix', () => {
    fc.assert(
      fc.property(byteString, byteString, (prefix, key) => {
        const end = prefixEnd(prefix);
        const inside = key >= prefix && (end === '\0' || key < end);
        if (key.startsWith(prefix)) expect(inside).toBe(true);
        else if (end !== '\0') expect(inside).toBe(false);
      }),
    );
  });
  test('stray bytes are shown escaped, UTF-8 as text', () => {
    expect(describeBytes('a\u00ff')).toBe('a\\xff');
    expect(describeBytes(fromBytes(new TextEncoder().encode('größe')))).toBe('größe');
  });
});

describe('ids', () => {
  test('words come back', () => {
    fc.assert(
      fc.property(id64, (id) => {
        expect(idFromWords(idToWords(id).high, idToWords(id).low)).toBe(id);
      }),
    );
  });
  test('print as Go prints them', () => {
    expect(formatId(toId64(0))).toBe('0');
    expect(formatId(toId64('8e9e05c52164694d'))).toBe('8e9e05c52164694d');
    expect(formatId(toId64(31))).toBe('1f');
  });
});

describe('wire', () => {
  const whole = fc.oneof(fc.nat(), fc.maxSafeNat());
  test('every kind of field comes back and its size is as told', () => {
    fc.assert(
      fc.property(whole, id64, fc.maxSafeInteger(), byteString, (number, id, signed, text) => {
        const writer = new WireWriter(1);
        writer.uint(1, number);
        writer.id(2, id);
        writer.int(3, signed);
        writer.text(4, text);
        const bytes = writer.finish();
        expect(bytes.length).toBe(
          4 +
            varintSize(number) +
            varintIdSize(id) +
            (signed < 0 ? 10 : varintSize(signed)) +
            varintSize(text.length) +
            text.length,
        );
        const reader = new WireReader(bytes);
        expect([reader.tag(), reader.varint()]).toEqual([wireTag(1, 0), number]);
        expect([reader.tag(), reader.varintId()]).toEqual([wireTag(2, 0), id]);
        expect([reader.tag(), reader.int()]).toEqual([wireTag(3, 0), signed + 0]);
        expect([reader.tag(), reader.text()]).toEqual([wireTag(4, 2), text]);
        expect(reader.more()).toBe(false);
      }),
    );
  });
  test('broken bytes throw WireError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 30}), (bytes) => {
        const reader = new WireReader(bytes);
        try {
          while (reader.more()) reader.skip(reader.tag());
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

test('crc32c has the check value of RFC 3720 and can go on', () => {
  const bytes = new TextEncoder().encode('123456789');
  expect(crc32c(0, bytes)).toBe(0xe3069283);
  expect(crc32c(crc32c(0, bytes.subarray(0, 5)), bytes.subarray(5))).toBe(0xe3069283);
});

describe('digest', () => {
  test('tells texts apart and is stable over releases of this code', () => {
    expect(new Set(Array.from({length: 20_000}, (_, i) => digestText(`k${i}`))).size).toBe(20_000);
    const digest = new Digest();
    digest.integer(2 ** 40 + 1);
    digest.text('etcd');
    expect(digest.hex()).toMatchInlineSnapshot(`"7bf3a0ca6b0e2d31"`);
  });
});

describe('random', () => {
  test('equal names give equal streams, other names others', () => {
    const draw = (name: string) =>
      Array.from(
        {length: 5},
        (
          (r) => () =>
            r.int32()
        )(Random.fromSeed(7).stream(name)),
      );
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });
  test('below() keeps its bounds, even at the largest range', () => {
    const random = Random.fromSeed(1);
    for (const countMax of [1, 2, 3, 1000, 2 ** 31, 2 ** 32]) {
      for (let i = 0; i < 200; i++) {
        const draw = random.below(countMax);
        expect(draw >= 0 && draw < countMax && Number.isInteger(draw)).toBe(true);
      }
    }
  });
});
