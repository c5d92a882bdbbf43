// etcd's command line by release: what it sets, what a release refuses, and what is not simulated.
import {describe, expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import {sleepUs} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import {putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {newServerV2Store} from '../membership/v2-members.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {EMPTY_CONF_STATE} from '../raftpb/types.ts';
import {saveV2Store} from '../v2store/save.ts';
import {v2StoreOf} from './bootstrap.ts';
import {qualifyServerConfig} from './config.ts';
import type {FlagSettings, Flags} from './qualify-flags.ts';
import {qualifyFlags} from './qualify-flags.ts';
import {Lab, three} from './test-lab.ts';

/** The words with which the release refuses the flags. */
function refusal(release: string, flags: Flags): string {
  const outcome = qualifyFlags(release, flags);
  return outcome.kind === 'refused' ? outcome.message : `takes ${JSON.stringify(outcome.settings)}`;
}

const periodic = (hours: number) => ({autoCompaction: {mode: 'periodic', retention: hours * 3_600_000_000}}) as const;
const revision = (retention: number) => ({autoCompaction: {mode: 'revision', retention}}) as const;

test.each<[string, Flags, FlagSettings]>([
  ['3.6.0', {'feature-gates': 'InitialCorruptCheck=true'}, {initialCorruptCheck: true}],
  ['3.5.16', {'experimental-initial-corrupt-check': 'true'}, {initialCorruptCheck: true}],
  ['3.6.0', {'experimental-compact-hash-check-enabled': 'true'}, {compactHashCheck: true}],
  ['3.5.5', {'experimental-compact-hash-check-time': '90s'}, {compactHashCheckMs: 90_000}],
  ['3.7.0', {'corrupt-check-time': '1m'}, {corruptCheckMs: 60_000}],
  ['3.6.4', {'max-learners': '2', 'strict-reconfig-check': 'false'}, {maxLearners: 2, strictReconfigCheck: false}],
  ['3.4.0', {'pre-vote': 't', 'quota-backend-bytes': '-1'}, {preVote: true, quotaBackendBytes: -1}],
  ['3.4.31', {'next-cluster-version-compatible': 'true'}, {nextClusterVersionCompatible: true}],
  ['3.5.16', {'experimental-watch-progress-notify-interval': '1.5s'}, {watchProgressNotifyUs: 1_500_000}],
  ['3.6.0', {'backend-batch-interval': '0'}, {}],
  ['3.5.16', {'enable-v2': 'false'}, {}],
  [
    '3.5.16',
    {'experimental-enable-lease-checkpoint': 'true', 'experimental-enable-lease-checkpoint-persist': 'true'},
    {leaseCheckpoint: true, leaseCheckpointPersist: true},
  ],
  ['3.6.0', {'auto-compaction-retention': '2'}, periodic(2)],
  ['3.6.0', {'auto-compaction-retention': '90m'}, periodic(1.5)],
  ['3.6.0', {'auto-compaction-mode': 'revision', 'auto-compaction-retention': '1000'}, revision(1_000)],
  ['3.3.1', {'auto-compaction-mode': 'revision', 'auto-compaction-retention': '1'}, revision(3_600_000_000_000)],
  ['3.5.0', {'auto-compaction-mode': 'revision', 'auto-compaction-retention': '1us'}, revision(1_000)],
  ['3.2.32', {'auto-compaction-retention': '3'}, periodic(3)],
  ['3.6.0', {'auto-compaction-mode': 'revision'}, {}],
])('%s takes %o', (release, flags, settings) => {
  const outcome = qualifyFlags(release, flags);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  const gates = {
    initialCorruptCheck: false,
    compactHashCheck: false,
    leaseCheckpoint: false,
    leaseCheckpointPersist: false,
  };
  // Gates are set one and all as soon as one is named.
  expect({...gates, ...outcome.settings}).toEqual({...gates, ...settings});
});

test.each<[string, Flags, string]>([
  [
    '3.7.0',
    {'experimental-corrupt-check-time': '1s'},
    'flag provided but not defined: -experimental-corrupt-check-time',
  ],
  ['3.7.1', {'experimental-enable-lease-checkpoint': 'true'}, 'not defined: -experimental-enable-lease-checkpoint'],
  [
    '3.5.4',
    {'experimental-compact-hash-check-enabled': 'true'},
    'not defined: -experimental-compact-hash-check-enabled',
  ],
  ['3.5.16', {'max-learners': '2'}, 'flag provided but not defined: -max-learners'],
  ['3.5.0', {'next-cluster-version-compatible': 'true'}, 'not defined: -next-cluster-version-compatible'],
  ['3.5.16', {'feature-gates': 'CompactHashCheck=true'}, 'flag provided but not defined: -feature-gates'],
  ['3.3.25', {'pre-vote': 'true'}, 'flag provided but not defined: -pre-vote'],
  ['3.6.0', {'enable-v2': 'false'}, 'flag provided but not defined: -enable-v2'],
  ['3.6.0', {'feature-gates': 'Nothing=true'}, 'flag -feature-gates: unrecognized feature gate: Nothing'],
  ['3.6.0', {'feature-gates': 'PriorityRequest=false'}, 'unrecognized feature gate: PriorityRequest'],
  ['3.6.0', {'feature-gates': 'LeaseCheckpointPersist=true'}, 'requires enabling feature gate LeaseCheckpoint'],
  ['3.4.23', {'experimental-enable-lease-checkpoint-persist': 'true'}, 'requires experimental-enable-lease-checkpoint'],
  [
    '3.6.0',
    {'feature-gates': 'CompactHashCheck=true', 'experimental-compact-hash-check-enabled': 'true'},
    'cannot specify both flags: --experimental-compact-hash-check-enabled=true and --feature-gates=CompactHashCheck=true',
  ],
  [
    '3.6.0',
    {'corrupt-check-time': '1s', 'experimental-corrupt-check-time': '1s'},
    'cannot set --experimental-corrupt-check-time and --corrupt-check-time at the same time, please use --corrupt-check-time only',
  ],
  ['3.6.0', {'compact-hash-check-time': '0'}, '--compact-hash-check-time must be >0 (set to 0s)'],
  ['3.5.16', {'auto-compaction-mode': 'weekly'}, 'unknown auto-compaction-mode "weekly"'],
  ['3.6.0', {'auto-compaction-mode': ''}, 'undefined auto-compaction-mode'],
  [
    '3.4.23',
    {'auto-compaction-retention': '1y'},
    'error parsing CompactionRetention: time: unknown unit "y" in duration "1y"',
  ],
  [
    '3.2.32',
    {'auto-compaction-retention': '1h'},
    'invalid value "1h" for flag -auto-compaction-retention: parse error',
  ],
  ['3.2.32', {'auto-compaction-mode': 'revision'}, 'flag provided but not defined: -auto-compaction-mode'],
])('%s ends with %o', (release, flags, message) => {
  expect(refusal(release, flags)).toContain(message);
});

test.each<[string, Flags, string]>([
  ['3.6.0', {logger: 'zap'}, '--logger: the simulation has nothing that it would change'],
  ['3.6.0', {'heartbeat-interval': '50'}, '--heartbeat-interval: cluster.tickMs sets it'],
  ['3.5.16', {'experimental-snapshot-catchup-entries': '5'}, 'cluster.snapshotCatchUpEntries sets it'],
  ['3.5.16', {'enable-v2': 'true'}, '--enable-v2=true: the v2 API is not simulated'],
  [
    '3.6.0',
    {'feature-gates': 'AllAlpha=true'},
    'feature gate StopGRPCServiceOnDefrag=true: the simulation has nothing',
  ],
  ['3.5.16', {'experimental-stop-grpc-service-on-defrag': 'true'}, '--experimental-stop-grpc-service-on-defrag=true'],
  ['3.6.0', {'max-leaners': '2'}, '--max-leaners: etcd has no such flag from 3.0 to 3.7'],
  ['3.6.0', {'--max-learners': '2'}, '--max-learners: flags are written without dashes in front'],
  ['3.6.0', {'corrupt-check-time': '1us'}, 'the time is simulated in whole milliseconds'],
  ['3.6.0', {'corrupt-check-time': '-1s'}, 'a time below zero is not simulated'],
])('%s: %o is not simulated', (release, flags, message) => {
  expect(() => qualifyFlags(release, flags)).toThrow(InputError);
  expect(() => qualifyFlags(release, flags)).toThrow(message);
});

test('flags of a minor or a release are for its members; the nearer one counts', () => {
  const flags = {'3.6.4:max-learners': '4', 'max-learners': '2', '3.6:max-learners': '3', '3.4:pre-vote': 'true'};
  const learners = ['3.7.0', '3.6.0', '3.6.4'].map((release) => qualifyFlags(release, flags));
  expect(learners).toEqual([2, 3, 4].map((maxLearners) => ({kind: 'ok', settings: {maxLearners}})));
  expect(refusal('3.5.16', flags)).toBe('flag provided but not defined: -max-learners');
});

describe('--v2-deprecation', () => {
  const CONTENT = 'detected disallowed custom content in v2store for stage --v2-deprecation=';
  const initialCluster = [{name: 'm1', peerUrls: ['http://m1:2380']}];
  const store = newServerV2Store(() => 0n);
  store.set('/1/of-a-user', false, 'x');
  const metadata = {index: 5, term: 2, confState: EMPTY_CONF_STATE};
  const snapshot: Snapshot = {data: saveV2Store(store), metadata};

  /** What a member says to a .snap with a key of the v2 API. */
  function answer(release: string, stage?: string): string {
    const flags: Flags = stage === undefined ? {} : {'v2-deprecation': stage};
    const outcome = qualifyFlags(release, flags);
    if (outcome.kind === 'refused') return outcome.message;
    const config = qualifyServerConfig({name: 'm1', release, initialCluster, flags});
    const world = new World({seed: 1});
    let said = 'starts';
    world.addMachine('m1').start('etcd', function* (env) {
      yield* sleepUs(env.clock, 1);
      try {
        v2StoreOf(env, config, snapshot);
      } catch (error) {
        if (!(error instanceof ServerEnded)) throw error;
        said = error.message;
      }
    });
    world.runUntil(1_000_000);
    return said;
  }

  const invalid = (stage: string) => `invalid value "${stage}" for flag -v2-deprecation: invalid value "${stage}"`;
  test.each([
    ['3.4.45', 'write-only', 'flag provided but not defined: -v2-deprecation'],
    ['3.5.16', undefined, 'starts'],
    ['3.5.16', 'not-yet', 'starts'],
    ['3.5.16', 'write-only', `${CONTENT}write-only`],
    ['3.5.16', 'write-only-drop-data', `${CONTENT}write-only-drop-data`],
    ['3.5.16', 'gone', `${CONTENT}gone`],
    ['3.5.31', 'write-only-skip-check', invalid('write-only-skip-check')],
    ['3.5.32', 'write-only-skip-check', 'starts'],
    ['3.6.0', undefined, `${CONTENT}write-only`],
    ['3.6.0', 'not-yet', invalid('not-yet')],
    ['3.6.0', 'gone', `${CONTENT}write-only`],
    ['3.6.12', 'write-only-skip-check', invalid('write-only-skip-check')],
    ['3.6.13', 'write-only-skip-check', 'starts'],
    ['3.6.13', 'write-only-drop-data', `${CONTENT}write-only`],
    ['3.7.0', undefined, 'starts'],
    ['3.7.0', 'gone', 'starts'],
    ['3.7.0', 'not-yet', invalid('not-yet')],
  ])('%s under %s: %s', (release, stage, expected) => {
    expect(answer(release, stage)).toBe(expected);
  });
});

describe('members', () => {
  test.each<[string, Flags]>([
    ['3.3.25', {'experimental-corrupt-check-time': '20s'}],
    ['3.6.0', {'corrupt-check-time': '20s'}],
    ['3.6.0', {}],
  ])('%s with %o looks for data that has come apart', (release, flags) => {
    const lab = new Lab(three);
    lab.startAll(release, {flags});
    const leader = three.map(({name}) => lab.server(name)).find(({isLeader}) => isLeader);
    if (leader === undefined) throw new Error('there is no leader');
    const put = (key: string) => lab.run(() => leader.kv.put(putRequest(key, 'v')));
    expect(put('a')).toMatchObject({kind: 'ok'});
    // Issue 18667: the leader refuses what the others carry out.
    const range = {...rangeRequest('a'), revision: 1_000};
    const success = [
      {kind: 'put', request: putRequest('apart', 'x')},
      {kind: 'range', request: range},
    ] as const;
    expect(lab.run(() => leader.kv.txn(txnRequest({success})))).toMatchObject({kind: 'error'});
    expect(put('b')).toMatchObject({kind: 'ok'});
    lab.pass(25);
    const isFound = Object.keys(flags).length > 0;
    expect(leader.applier.alarms.list('corrupt')).toHaveLength(isFound ? 1 : 0);
    expect(put('c')).toMatchObject(isFound ? {code: 'DataLoss'} : {kind: 'ok'});
  });

  test('a member ends over a flag that its release has lost', () => {
    const lab = new Lab(three);
    const flags = {'experimental-initial-corrupt-check': 'true'};
    lab.start('m1', '3.6.14', {flags});
    lab.start('m2', '3.7.0', {flags});
    lab.pass(2);
    expect(lab.deaths).toEqual([
      'm2 main: ServerEnded: flag provided but not defined: -experimental-initial-corrupt-check',
    ]);
  });
});
