// `etcdsim errata` as its user sees it: lines, exit codes, refusals, and the page that a verification writes.
import {afterEach, expect, test, vi} from 'vitest';
import {InputError} from '../base/input-error.ts';
import {errataFindCommand} from './errata-find.ts';
import {errataCommand, errataShowCommand} from './errata-list.ts';
import {trackRecordPage} from './errata-track-record.ts';
import {errataVerifyCommand, verifyErratum} from './errata-verify.ts';

let lines: string[] = [];

function run(command: () => number): {readonly code: number; readonly text: string} {
  lines = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => {
    lines.push(line);
  });
  const code = command();
  log.mockRestore();
  return {code, text: lines.join('\n')};
}

const refusal = (command: () => unknown): string => {
  try {
    command();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'not refused';
};

afterEach(() => {
  vi.restoreAllMocks();
});

test('the list names ten bugs with their releases', () => {
  const {code, text} = run(() => errataCommand({}));
  expect(code).toBe(0);
  expect(text).toContain('15271         A watch replays history after a received snapshot');
  expect(text).toContain('3.5.0 up to below 3.5.8');
  expect(JSON.parse(run(() => errataCommand({json: true})).text)).toHaveLength(10);
});

test('a story tells what, where and how it is searched', () => {
  const {code, text} = run(() => errataShowCommand('20418', {}));
  expect(code).toBe(0);
  expect(text).toContain('releases   3.4.20 up to below 3.4.42, 3.5.0 up to below 3.5.28, 3.6.0 up to below 3.6.9');
  expect(text).toContain('seam       server: readIndexRetry');
  for (const line of text.split('\n').slice(0, 10)) expect(line.length).toBeLessThanOrEqual(100);
});

test('what is found can be seen again with the line that is printed', () => {
  const {code, text} = run(() => errataFindCommand('18089', {release: '3.5.15', seeds: '3..9'}));
  expect(code).toBe(1);
  expect(text).toContain('found with seed 3: 1 seed, ');
  expect(text).toContain('check   watch-resumable');
  expect(text).toContain('again   etcdsim errata find 18089 --release 3.5.15 --seeds 3');
  const {code: none, text: absent} = run(() => errataFindCommand('18089', {release: 'v3.5.16', seeds: '3'}));
  expect(none).toBe(0);
  expect(absent).toContain('not found: 1 seed, ');
  expect(absent).toContain('the release does not have it');
});

test('verify finds it there and not here', () => {
  const {code, text} = run(() => errataVerifyCommand(['18667'], {}));
  expect(code).toBe(0);
  expect(text).toContain('1 known bugs: found in 6 affected releases, absent in 1 others; all as it should be');
  const {isAsExpected} = JSON.parse(run(() => errataVerifyCommand(['18667'], {json: true})).text);
  expect(isAsExpected).toBe(true);
});

test('a bug that is not found makes verify fail', () => {
  // Seed 1 of 14370 does not meet it.
  const {code, text} = run(() => errataVerifyCommand(['14370'], {seeds: '1'}));
  expect(code).toBe(1);
  expect(text).toContain('NOT FOUND in 1 seeds');
});

test('the track record has a line for each minor', () => {
  const page = trackRecordPage(verifyErratum('18089', {from: 1, to: 2}));
  const rows = page.split('\n').filter((line) => line.startsWith('| 18089'));
  expect(rows).toHaveLength(8);
  expect(rows[4]).toMatch(/\| 3\.4\.33 \| 1 \| \d+\.\d\d \| watch-resumable \| 3\.4\.34 \(20 seeds\) \|$/);
});

test.each([
  [() => errataShowCommand('1', {}), "no known bug '1'; there are 13766, 14370"],
  [
    () => errataFindCommand('18089', {release: '3.5.99'}),
    "--release: there is no etcd release '3.5.99'; the nearest is",
  ],
  [() => errataFindCommand('18089', {release: '2.3.8'}), 'its minor is not played'],
  [() => errataFindCommand('19557', {release: '3.6.0'}), '--release 3.6.0: 19557 is searched in 3.5'],
  [() => errataFindCommand('18089', {seeds: '9..1'}), '--seeds 9..1: the last seed is below the first'],
  [() => errataVerifyCommand([], {}), 'name known bugs, or say --all'],
  [() => errataVerifyCommand(['18089'], {all: true}), 'not both'],
  [() => errataVerifyCommand(['18089'], {write: true}), 'the track record is of --all bugs'],
])('bad input gets one line (%#)', (command, text) => {
  expect(refusal(command)).toContain(text);
});
