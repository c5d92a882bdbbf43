// Broken files get one line with place, line and reason; whole ones the same verdict however the text is cut up.
import {expect, test} from 'vitest';
import {InputError} from '../base/input-error.ts';
import type {Operation} from '../history/operation.ts';
import {encodeRunRecord, type RunRecord} from '../history/run-record.ts';
import {checkHistory, createHistoryChecker, RUN_RECORD_SIZE_MAX} from './check-history.ts';

const line = (rest: string) => `INFO  jepsen.util - ${rest.replaceAll(' | ', '\t')}\n`;
const jepsen = [
  '0 | :invoke | :read | nil',
  '1 | :invoke | :write | 14',
  '0 | :ok | :read | nil',
  '1 | :ok | :write | 14',
  '0 | :invoke | :cas | [14 2]',
  '2 | :invoke | :write | 3',
  '0 | :ok | :cas | [14 2]',
  '2 | :info | :write | :timed-out',
  '0 | :invoke | :read | nil',
  '0 | :fail | :read | :timed-out',
  '0 | :invoke | :read | nil',
  '0 | :ok | :read | 3',
]
  .map(line)
  .join('');
const kv = [
  '{:process 0, :type :invoke, :f :put, :key "a", :value "x\\"y"}',
  '{:process 1, :type :invoke, :f :get, :key "a", :value nil}',
  '{:process 0, :type :ok, :f :put, :key "a", :value "x\\"y"}',
  '{:process 1, :type :ok, :f :get, :key "a", :value ""}',
  '{:process 1, :type :invoke, :f :append, :key "a", :value "z"}',
  '{:process 1, :type :ok, :f :append, :key "a", :value "z"}',
  '{:process 1, :type :invoke, :f :get, :key "a", :value nil}',
  '{:process 1, :type :ok, :f :get, :key "a", :value "x\\"yz"}',
]
  .map((text) => `${text}\n`)
  .join('');

const put: Operation = {
  id: 0,
  client: 0,
  request: {kind: 'put', key: 'a', value: '1'},
  callUs: 1,
  returnUs: 2,
  outcome: {kind: 'ok', response: {kind: 'put', revision: 2, member: 'm1'}},
};
const staleGet: Operation = {
  id: 1,
  client: 0,
  request: {kind: 'range', key: 'a'},
  callUs: 3,
  returnUs: 4,
  outcome: {kind: 'ok', response: {kind: 'range', kvs: [], count: 0, more: false, revision: 1, member: 'm1'}},
};
const record: RunRecord = {
  format: 'etcdsim-run',
  formatVersion: 1,
  codeVersion: 'test',
  scenario: 'healthy',
  seed: 1,
  members: ['m1'],
  releases: ['3.6.0'],
  plan: {},
  verdict: 'ok',
  findings: [],
  operations: [put],
  timeline: [],
  statistics: {
    simulatedUs: 5,
    eventCount: 1,
    operationCount: 1,
    operationOkCount: 1,
    operationUnknownCount: 0,
    marks: {},
  },
  digest: '0123456789abcdef',
};

function reasonOf(text: string, format?: 'jepsen' | 'porcupine-kv' | 'etcdsim'): string {
  try {
    checkHistory(text, {place: 'f.log', format});
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const {message} = error as InputError;
    expect(message).not.toContain('\n');
    return message;
  }
  return 'accepted';
}

test('formats are told by content', () => {
  expect(checkHistory(jepsen, {place: 'f'})).toMatchObject({
    format: 'jepsen',
    model: 'register',
    operationCount: 5,
    verdict: 'ok',
  });
  expect(checkHistory(kv, {place: 'f'})).toMatchObject({
    format: 'porcupine-kv',
    model: 'kv',
    operationCount: 4,
    verdict: 'ok',
  });
  expect(checkHistory(encodeRunRecord(record), {place: 'f'})).toMatchObject({
    format: 'etcdsim',
    model: 'etcd',
    verdict: 'ok',
  });
});

test('a run record is judged anew, whatever verdict it holds', () => {
  const result = checkHistory(encodeRunRecord({...record, operations: [put, staleGet]}), {place: 'f'});
  expect(result.verdict).toBe('violation');
  expect(result.findings.map(({check}) => check)).toEqual([
    'linearizability',
    'revision-monotonic', // the client's view
    'revision-monotonic', // the member's
  ]);
});

test('a wrong answer is a violation in each format', () => {
  expect(checkHistory(jepsen.replace(':ok\t:read\t3', ':ok\t:read\t4'), {place: 'f'}).verdict).toBe('violation');
  expect(checkHistory(kv.replace('yz"', 'z"'), {place: 'f'}).verdict).toBe('violation');
});

test.each([1, 7, 100])('text in pieces of %i characters gives the same', (size) => {
  for (const text of [jepsen, kv, encodeRunRecord(record), jepsen.replaceAll('\n', '\r\n')]) {
    const checker = createHistoryChecker({place: 'f'});
    for (let at = 0; at < text.length; at += size) checker.push(text.slice(at, at + size));
    expect(checker.finish()).toEqual(checkHistory(text.replaceAll('\r', ''), {place: 'f'}));
  }
});

const broken: readonly [string, string, string][] = [
  ['an empty file', '', 'f.log: line 1: empty file'],
  [
    'something else',
    'hello\n',
    'f.log: line 1: not a history of a known format (jepsen, porcupine-kv, etcdsim): "hello"',
  ],
  ['binary content', '\x7fELF\x02\x01\x00\n', 'f.log: line 1: binary content, not text'],
  ['binary content further on', `${jepsen}\x00\x01\n`, 'f.log: line 13: binary content, not text'],
  [
    'a cut number',
    jepsen.slice(0, -1),
    'f.log: line 12: the line is cut: no line end after "INFO  jepsen.util - 0\\t:ok\\t:read\\t3"',
  ],
  [
    'a cut line',
    `${line('0 | :invoke | :read | nil')}INFO  jepsen.ut\n`,
    'f.log: line 2: not a line of a Jepsen log: "INFO  jepsen.ut"',
  ],
  [
    'an unknown function',
    line('0 | :invoke | :enqueue | 3'),
    'f.log: line 1: :enqueue is not an operation of a register (read, write, cas)',
  ],
  ['a value of the wrong type', line('0 | :invoke | :write | nil'), 'f.log: line 1: :write cannot take "nil"'],
  ['a cas of one number', line('0 | :invoke | :cas | 3'), 'f.log: line 1: :cas cannot take "3"'],
  [
    'an end without a beginning',
    line('4 | :ok | :read | 1'),
    'f.log: line 1: :ok of process 4 without an :invoke before it',
  ],
  [
    'a second beginning',
    line('4 | :invoke | :read | nil') + line('4 | :invoke | :read | nil'),
    'f.log: line 2: process 4 invokes again while its operation 0 is open',
  ],
  [
    'an end of something else',
    line('4 | :invoke | :read | nil') + line('4 | :ok | :write | 1'),
    'f.log: line 2: :ok :write of process 4 ends its :read',
  ],
  [
    'an answer that is not what was asked',
    line('4 | :invoke | :write | 1') + line('4 | :ok | :write | 2'),
    'f.log: line 2: :ok :write gives "2", which is not what was asked',
  ],
  [
    'a read of a word',
    line('4 | :invoke | :read | nil') + line('4 | :ok | :read | one'),
    'f.log: line 2: :ok :read cannot give "one"',
  ],
  [
    'only the nemesis',
    'INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n',
    'f.log: line 1: no operation in the whole file',
  ],
  [
    'a cut map',
    kv.slice(0, -10),
    'f.log: line 8: not a line of a Porcupine key-value log: "{:process 1, :type :ok, :f :get, :key \\"a\\", :value"',
  ],
  [
    'a get with a value',
    '{:process 1, :type :invoke, :f :get, :key "a", :value "b"}\n',
    'f.log: line 1: :get cannot take "\\"b\\""',
  ],
  [
    'a put of a number',
    '{:process 1, :type :invoke, :f :put, :key "a", :value 3}\n',
    'f.log: line 1: :put cannot take "3"',
  ],
  [
    'another key at the end',
    '{:process 1, :type :invoke, :f :get, :key "a", :value nil}\n{:process 1, :type :ok, :f :get, :key "b", :value ""}\n',
    'f.log: line 2: :ok of process 1 for key "b" ends one for "a"',
  ],
  ['JSON of something else', '{"a": 1}\n', 'f.log: not an etcdsim run record: "format" must be "etcdsim-run"'],
];

test.each(broken)('%s is refused in one line', (_name, text, reason) => {
  expect(reasonOf(text)).toBe(reason);
});

test('cut JSON is refused in one line', () => {
  expect(reasonOf(encodeRunRecord(record).slice(0, -20))).toMatch(/^f\.log: not JSON: /);
});

test('a file in a named format is read as that', () => {
  expect(reasonOf(kv, 'jepsen')).toMatch(/^f\.log: line 1: not a line of a Jepsen log/);
  expect(() => checkHistory(jepsen, {place: 'f.log', model: 'etcd'})).toThrow(
    'f.log: model etcd does not fit format jepsen; use register',
  );
});

test('a run record beyond the limit is refused while it is read', () => {
  const checker = createHistoryChecker({place: 'f.log', format: 'etcdsim'});
  const piece = ' '.repeat(1024 * 1024);
  const pushAll = () => {
    for (let size = 0; size <= RUN_RECORD_SIZE_MAX; size += piece.length) checker.push(piece);
  };
  expect(pushAll).toThrow(/^f\.log: line 1: a run record of more than/);
});
