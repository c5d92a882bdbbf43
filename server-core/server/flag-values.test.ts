// Values of flags as Go reads them; the refusals are those that real 3.3.25, 3.4.23 and 3.5.16 printed.
import {expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import {FlagRefusal} from '../release/flag-refusal.ts';
import {durationText, parseDuration, readBool, readDurationNs, readInteger} from './flag-values.ts';

test.each([
  ['1h30m', 5_400_000_000_000],
  ['2.5s', 2_500_000_000],
  ['-1.5ms', -1_500_000],
  ['.5s', 500_000_000],
  ['1.s', 1_000_000_000],
  ['+3us', 3_000],
  ['3µs7ns', 3_007],
  ['0', 0],
])('%s is %i ns', (text, ns) => {
  expect(parseDuration(text)).toEqual({kind: 'ok', ns});
});

test.each([
  ['5', 'time: missing unit in duration "5"'],
  ['1y', 'time: unknown unit "y" in duration "1y"'],
  ['', 'time: invalid duration ""'],
  ['-', 'time: invalid duration "-"'],
  ['.s', 'time: invalid duration ".s"'],
  ['1h ', 'time: unknown unit "h " in duration "1h "'],
  ['9999999h', 'time: invalid duration "9999999h"'],
])('%s is no duration', (text, message) => {
  expect(parseDuration(text)).toEqual({kind: 'refused', message});
});

test.each([
  ['bool', 'pre-vote', 'yes', 'invalid boolean value "yes" for -pre-vote: parse error'],
  ['uint', 'max-txn-ops', '-1', 'invalid value "-1" for flag -max-txn-ops: parse error'],
  ['int', 'quota-backend-bytes', '1x', 'invalid value "1x" for flag -quota-backend-bytes: parse error'],
  [
    'int',
    'max-learners',
    '9223372036854775808',
    'invalid value "9223372036854775808" for flag -max-learners: value out of range',
  ],
  [
    'duration',
    'experimental-corrupt-check-time',
    '5',
    'invalid value "5" for flag -experimental-corrupt-check-time: parse error',
  ],
])('a bad %s: --%s=%s', (kind, name, text, message) => {
  const given = {name, text};
  const read = () => {
    if (kind === 'bool') return readBool(given);
    return kind === 'duration' ? readDurationNs(given) : readInteger(given, kind === 'int' ? 'int' : 'uint');
  };
  expect(read).toThrow(new FlagRefusal(message));
});

test('numbers that Go takes and this program does not are the fault of the input', () => {
  expect(readInteger({name: 'max-learners', text: '-3'}, 'int')).toBe(-3);
  for (const text of ['0x10', '010', '1_000', '9007199254740993']) {
    expect(() => readInteger({name: 'max-txn-ops', text}, 'uint')).toThrow(InputError);
  }
});

test.each([
  [0, '0s'],
  [-1_500, '-1.5µs'],
  [-2_000_000, '-2ms'],
  [-61_500_000_000, '-1m1.5s'],
  [-3_600_000_000_000, '-1h0m0s'],
])('%i ns is printed as %s', (ns, text) => {
  expect(durationText(ns)).toBe(text);
});
