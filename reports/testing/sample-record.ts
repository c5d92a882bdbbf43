// reports/testing/sample-record.ts: run records for tests and for looking at pages: by hand, and drawn from a seed in any size.
// The drawn ones come from one store that answers in order of time, so they are right by construction; what is wrong is planted.
import {must} from '../../base/assert.ts';
import {Random} from '../../base/random.ts';
import type {KeyValue, KvRequest, KvResponse, KvStep, Operation, StepResponse} from '../../history/operation.ts';
import {RUN_RECORD_FORMAT, RUN_RECORD_VERSION, type RunRecord} from '../../history/run-record.ts';
import type {TimelineEvent} from '../../history/timeline.ts';
import {type Finding, verdictOf} from '../../history/verdict.ts';

const MEMBERS = ['m1', 'm2', 'm3'];

/** A record with what is given; counts are taken from the operations. */
export function recordOf(given: Partial<RunRecord> = {}): RunRecord {
  const {operations = [], findings = []} = given;
  return {
    format: RUN_RECORD_FORMAT,
    formatVersion: RUN_RECORD_VERSION,
    codeVersion: '0.1.0',
    scenario: 'swarm',
    seed: 17,
    members: MEMBERS,
    releases: ['3.6.0'],
    plan: {},
    verdict: verdictOf(findings),
    timeline: [],
    statistics: {
      simulatedUs: 2_000_000,
      eventCount: 0,
      operationCount: operations.length,
      operationOkCount: operations.filter(({outcome}) => outcome.kind === 'ok').length,
      operationUnknownCount: operations.filter(({outcome}) => outcome.kind === 'open').length,
      marks: {},
    },
    digest: '0123456789abcdef',
    ...given,
    operations,
    findings,
  };
}

/** A put that was answered. */
export function put(
  id: number,
  client: number,
  [callUs, returnUs]: readonly [number, number],
  key: string,
  value: string,
  revision: number,
): Operation {
  const response: KvResponse = {kind: 'put', revision, member: 'm1'};
  return {id, client, request: {kind: 'put', key, value}, callUs, returnUs, outcome: {kind: 'ok', response}};
}

/** A get that was answered with a value, or with none. */
export function get(
  id: number,
  client: number,
  [callUs, returnUs]: readonly [number, number],
  key: string,
  found: KeyValue | undefined,
  revision: number,
): Operation {
  const kvs = found === undefined ? [] : [found];
  const response: KvResponse = {kind: 'range', kvs, count: kvs.length, more: false, revision, member: 'm2'};
  return {id, client, request: {kind: 'range', key}, callUs, returnUs, outcome: {kind: 'ok', response}};
}

export function keyValue(key: string, value: string, modRevision: number, version = 1): KeyValue {
  return {key, value, createRevision: modRevision - version + 1, modRevision, version};
}

/** A stale read: k is a, then b; a read called after b's return answers a. */
export function staleRead(): RunRecord {
  return recordOf({
    operations: [
      put(0, 0, [1_000, 5_000], 'k', 'a', 2),
      get(1, 1, [2_000, 7_000], 'k', keyValue('k', 'a', 2), 2),
      put(2, 0, [6_000, 9_000], 'k', 'b', 3),
      get(3, 1, [10_000, 12_000], 'k', keyValue('k', 'a', 2), 2),
    ],
    findings: [
      {
        check: 'linearizability',
        kind: 'violation',
        message: 'a read of k answers a, although b was stored before it was called',
        atUs: 12_000,
        atEvent: 77,
        operations: [3, 2],
        key: 'k',
        linearizations: [[0, 1, 2]],
      },
    ],
    plant: 'stale-read',
  });
}

export interface DrawOptions {
  readonly seed: number;
  readonly operationCount: number;
  readonly clientCount: number;
  readonly keyCount: number;
  /** Mean length of an operation. */
  readonly meanUs: number;
  readonly valueSize: number;
  readonly withFaults: boolean;
  /** Adds a stale read and its finding. */
  readonly withViolation: boolean;
}

/** One store that answers in order of time, clients that ask one thing after another. */
export function drawRecord(options: DrawOptions): RunRecord {
  const random = Random.fromSeed(options.seed).stream('sample-record');
  const operations = drawOperations(options, random);
  const endUs = operations.reduce((end, {callUs, returnUs}) => Math.max(end, returnUs ?? callUs), 1_000_000) + 200_000;
  const findings = options.withViolation ? plantStaleRead(operations, random) : [];
  const marks = [
    'vote ignored: leader is fresh',
    'snapshot sent',
    'WAL tail torn',
    'read index retried',
    'proposal dropped',
    'pre-vote rejected',
  ];
  return recordOf({
    seed: options.seed,
    operations,
    findings,
    timeline: drawTimeline(options, random, endUs),
    plan: {
      cluster: {memberCount: 3, release: '3.6.0', tickMs: 100, electionTicks: 10},
      traffic: {clientCount: options.clientCount, keyCount: options.keyCount, operationsPerSecond: 100},
      faults: options.withFaults ? [{kind: 'kill'}, {kind: 'partition'}, {kind: 'partition'}, {kind: 'slow-disk'}] : [],
      safetyUs: Math.floor(endUs * 0.7),
      livenessUs: 5_000_000,
    },
    statistics: {
      simulatedUs: endUs,
      eventCount: operations.length * 41,
      operationCount: operations.length,
      operationOkCount: operations.filter(({outcome}) => outcome.kind === 'ok').length,
      operationUnknownCount: operations.filter(({outcome}) => outcome.kind === 'error' && outcome.effect === 'unknown')
        .length,
      marks: Object.fromEntries(marks.map((mark, at) => [mark, at === 2 ? 1 : random.below(5_000)])),
    },
    ...(options.withViolation ? {plant: 'stale-read'} : {}),
  });
}

function drawOperations(
  {operationCount, clientCount, keyCount, meanUs, valueSize}: DrawOptions,
  random: Random,
): Operation[] {
  const drawn: {client: number; request: KvRequest; callUs: number; pointUs: number; returnUs: number}[] = [];
  const freeUs = Array.from({length: clientCount}, () => 100_000 + random.below(meanUs));
  for (let id = 0; id < operationCount; id++) {
    const client = id % clientCount;
    const callUs = must(freeUs[client], 'a client for each operation') + 1 + random.below(meanUs);
    const took = Math.max(200, random.below(random.below(40) === 0 ? meanUs * 12 : meanUs * 2));
    freeUs[client] = callUs + took + 1;
    const request = drawRequest(random, {keyCount, value: `${client}.${id}`.padEnd(valueSize, '.')});
    drawn.push({client, request, callUs, pointUs: callUs + random.below(took), returnUs: callUs + took});
  }
  const store = new SampleStore();
  const answers = new Map<(typeof drawn)[number], KvResponse>();
  for (const one of [...drawn].sort((a, b) => a.pointUs - b.pointUs || a.client - b.client)) {
    answers.set(one, {...store.apply(one.request), revision: store.revision, member: MEMBERS[one.client % 3] ?? 'm1'});
  }
  return drawn
    .sort((a, b) => a.callUs - b.callUs || a.client - b.client)
    .map((one, id): Operation => {
      const {client, request, callUs, returnUs} = one;
      const dice = random.below(100);
      if (dice === 0)
        return {
          id,
          client,
          request,
          callUs,
          returnUs,
          outcome: {kind: 'error', error: 'etcdserver: request timed out', effect: 'unknown'},
        };
      if (dice === 1 && request.kind === 'range')
        return {
          id,
          client,
          request,
          callUs,
          returnUs,
          outcome: {kind: 'error', error: 'etcdserver: no leader', effect: 'none'},
        };
      if (id >= operationCount - 2) return {id, client, request, callUs, returnUs: undefined, outcome: {kind: 'open'}};
      return {
        id,
        client,
        request,
        callUs,
        returnUs,
        outcome: {kind: 'ok', response: must(answers.get(one), 'each was applied')},
      };
    });
}

function drawRequest(
  random: Random,
  {keyCount, value}: {readonly keyCount: number; readonly value: string},
): KvRequest {
  const key = `k${random.below(keyCount)}`;
  const dice = random.below(20);
  if (dice < 8) return {kind: 'put', key, value};
  if (dice < 14) return {kind: 'range', key};
  if (dice < 15) return {kind: 'range', key, serializable: true};
  if (dice < 16) return {kind: 'range', key: 'k', end: 'l', limit: random.below(4)};
  if (dice < 17) return {kind: 'delete-range', key};
  return {
    kind: 'txn',
    compare: [{key, target: 'mod', result: 'greater', operand: random.below(50)}],
    success: [{kind: 'put', key, value}],
    failure: [{kind: 'range', key}],
  };
}

/** Just enough of etcd's store to answer the drawn requests. */
class SampleStore {
  revision = 1;
  private readonly kvs = new Map<string, KeyValue>();

  apply(step: KvStep): StepResponse {
    if (step.kind === 'range') {
      const all = [...this.kvs.values()]
        .filter(({key}) => key === step.key || (step.end !== undefined && key >= step.key && key < step.end))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const kvs = step.limit ? all.slice(0, step.limit) : all;
      return {kind: 'range', kvs, count: all.length, more: kvs.length < all.length};
    }
    if (step.kind === 'txn') {
      const [guard] = step.compare;
      const mod = this.kvs.get(guard?.key ?? '')?.modRevision ?? 0;
      const succeeded = mod > Number(guard?.operand ?? 0);
      return {
        kind: 'txn',
        succeeded,
        responses: (succeeded ? step.success : step.failure).map((one) => this.apply(one)),
      };
    }
    const before = this.kvs.get(step.key);
    if (step.kind === 'put') {
      const modRevision = ++this.revision;
      const {createRevision = modRevision, version = 0} = before ?? {};
      this.kvs.set(step.key, {key: step.key, value: step.value, createRevision, modRevision, version: version + 1});
      return {kind: 'put'};
    }
    if (before !== undefined) this.revision++;
    this.kvs.delete(step.key);
    return {kind: 'delete-range', deleted: before === undefined ? 0 : 1};
  }
}

/** Makes the answer of a late read an old one, and tells so in a finding with the order before it. */
function plantStaleRead(operations: Operation[], random: Random): Finding[] {
  const at = operations.findIndex(
    ({id, request, outcome}) =>
      id > operations.length * 0.6 &&
      request.kind === 'range' &&
      request.end === undefined &&
      !request.serializable &&
      outcome.kind === 'ok' &&
      outcome.response.kind === 'range' &&
      outcome.response.count === 1,
  );
  const read = operations[at];
  if (read === undefined || read.outcome.kind !== 'ok' || read.request.kind !== 'range') return [];
  const {key} = read.request;
  const old = keyValue(key, 'an-old-value', Math.max(2, read.outcome.response.revision - 9), 2);
  operations[at] = {
    ...read,
    outcome: {
      kind: 'ok',
      response: {
        kind: 'range',
        kvs: [old],
        count: 1,
        more: false,
        revision: read.outcome.response.revision - 3,
        member: 'm3',
      },
    },
  };
  const before = operations
    .filter(
      ({outcome, returnUs = 0, callUs}) =>
        outcome.kind === 'ok' && callUs < (read.returnUs ?? 0) && returnUs < (read.returnUs ?? 0),
    )
    .sort((a, b) => a.callUs + (a.returnUs ?? 0) - b.callUs - (b.returnUs ?? 0) || a.id - b.id)
    .map(({id}) => id);
  const writer = operations.findLast(({id, request}) => id < read.id && request.kind === 'put' && request.key === key);
  return [
    {
      check: 'linearizability',
      kind: 'violation',
      message: `get ${key} of client ${read.client} does not fit: the store at revision ${read.outcome.response.revision} holds a newer value`,
      atUs: read.returnUs,
      atEvent: 31_000 + random.below(1_000),
      operations: [read.id, ...(writer === undefined ? [] : [writer.id])],
      linearizations: [before.slice(-60), before.slice(-61, -1)],
    },
    {
      check: 'durability',
      kind: 'violation',
      message: `the acknowledged put #${writer?.id ?? 0} is missing from every member that survived`,
      atUs: (read.returnUs ?? 0) + 90_000,
      operations: writer === undefined ? [] : [writer.id],
    },
    {
      check: 'serializable-reads',
      kind: 'unknown',
      message: 'the budget ran out before every serializable read was placed',
    },
  ];
}

function drawTimeline({withFaults}: DrawOptions, random: Random, endUs: number): TimelineEvent[] {
  const part = (hundredths: number) => Math.floor((endUs * hundredths) / 100);
  const timeline: TimelineEvent[] = [{kind: 'phase', atUs: 0, phase: 'safety'}];
  for (const member of MEMBERS)
    timeline.push({kind: 'start', atUs: 1_000 + random.below(5_000), member, release: '3.6.0'});
  const role = (
    hundredths: number,
    member: string,
    name: 'follower' | 'pre-candidate' | 'candidate' | 'leader',
    term: number,
  ) => timeline.push({kind: 'role', atUs: part(hundredths), member, role: name, term});
  for (const member of MEMBERS) role(0.2, member, 'follower', 1);
  role(0.6, 'm1', 'pre-candidate', 1);
  role(0.8, 'm1', 'candidate', 2);
  role(1, 'm1', 'leader', 2);
  role(1, 'm2', 'follower', 2);
  role(1, 'm3', 'follower', 2);
  if (withFaults) drawFaults(timeline, part);
  timeline.push({kind: 'phase', atUs: part(70), phase: 'heal'}, {kind: 'phase', atUs: part(74), phase: 'liveness'});
  return timeline;
}

function drawFaults(timeline: TimelineEvent[], part: (hundredths: number) => number): void {
  const fault = (name: string, from: number, to: number | undefined, members: string[], detail: string) =>
    timeline.push({
      kind: 'fault',
      atUs: part(from),
      ...(to === undefined ? {} : {untilUs: part(to)}),
      fault: name,
      members,
      detail,
    });
  fault('kill', 18, 23, ['m2'], 'started again after 500 ms');
  timeline.push(
    {kind: 'stop', atUs: part(18), member: 'm2', how: 'kill'},
    {kind: 'start', atUs: part(23), member: 'm2', release: '3.6.0'},
  );
  timeline.push({kind: 'role', atUs: part(23.1), member: 'm2', role: 'follower', term: 2});
  timeline.push({kind: 'note', atUs: part(25), member: 'm2', text: 'snapshot at index 412 installed'});
  fault('partition', 31, 44, ['m1'], 'isolate, clients keep reaching it');
  timeline.push({kind: 'role', atUs: part(34), member: 'm3', role: 'pre-candidate', term: 2});
  timeline.push({kind: 'role', atUs: part(34.3), member: 'm3', role: 'candidate', term: 3});
  timeline.push({kind: 'role', atUs: part(34.6), member: 'm3', role: 'leader', term: 3});
  timeline.push({kind: 'role', atUs: part(34.6), member: 'm2', role: 'follower', term: 3});
  timeline.push({kind: 'role', atUs: part(44.2), member: 'm1', role: 'follower', term: 3});
  fault('slow-disk', 36, 58, ['m2'], '8 times as slow');
  fault('power-off', 52, 57, ['m1'], 'what was not fsynced is lost');
  timeline.push(
    {kind: 'stop', atUs: part(52), member: 'm1', how: 'power-off'},
    {kind: 'start', atUs: part(57), member: 'm1', release: '3.6.0'},
  );
  timeline.push({kind: 'role', atUs: part(57.2), member: 'm1', role: 'follower', term: 3});
  fault('clock', 55, 66, ['m3'], 'steps by -2.00 s, drifts by 900 ppm');
  timeline.push({
    kind: 'stop',
    atUs: part(63),
    member: 'm2',
    how: 'panic',
    message: 'tocommit(44) is out of range [lastIndex(41)]',
  });
  timeline.push(
    {kind: 'start', atUs: part(67), member: 'm2', release: '3.6.0'},
    {kind: 'role', atUs: part(67.3), member: 'm2', role: 'follower', term: 3},
  );
  fault('reset-connections', 49, 49, ['m3'], '');
}
