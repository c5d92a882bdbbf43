// Why a process ended, out of the logs of real servers (lines as they were written, shortened) and out of what simulated ones say.
import {expect, test} from 'vitest';
import {lastWordsIn, reasonIn} from './last-words.ts';

const CANNOT = 'cluster cannot be downgraded (current version: 3.3.25 is lower than determined cluster version: 3.4).';

test.each([
  [`2026-11-21 10:10:48.073332 C | etcdserver/membership: ${CANNOT}`, CANNOT],
  [`apply: ServerEnded: ${CANNOT}`, CANNOT],
  [
    '2026-11-21 10:10:54.7 C | etcdmain: incompatible with current running cluster',
    'incompatible with current running cluster',
  ],
  ['main: ServerEnded: incompatible with current running cluster', 'incompatible with current running cluster'],
  [
    '{"level":"fatal","msg":"invalid downgrade; server version is lower","current-server-version":"3.5.16"}',
    'invalid downgrade; server version is lower',
  ],
  [
    '{"level":"fatal","msg":"discovery failed","error":"version \\"3.7.0\\" is not supported","stacktrace":"go.etcd',
    'version "3.7.0" is not supported',
  ],
  [
    'panic: detected disallowed v2 WAL for stage --v2-deprecation=write-only',
    'detected disallowed v2 WAL for stage --v2-deprecation=write-only',
  ],
  ['something else', 'something else'],
])('%s', (line, reason) => expect(reasonIn(line)).toBe(reason));

test('the first line that ends a process counts, not the stack behind it nor warnings before', () => {
  const panic = '{"level":"panic","msg":"detected disallowed v2 WAL","method":"QGET"}';
  const log = ['{"level":"warn","msg":"slow"}', panic, 'panic: later', 'goroutine 1 [running]:'].join('\n');
  expect(lastWordsIn(log)).toBe(panic);
  expect(lastWordsIn('one\ntwo\n')).toBe('two');
  expect(lastWordsIn('')).toBe('');
});
