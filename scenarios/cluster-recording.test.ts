// What is written down about a cluster's life is enough for the checks of checkers/cluster, and true.
import {expect, test} from 'vitest';
import {decodeRunRecord, encodeRunRecord} from '../history/run-record.ts';
import {runScenario} from './run-scenario.ts';

const lifeOf = (scenario: string, seed: number, path: string, history = 'fresh') => {
  const overrides = [
    {path: 'path', value: path},
    {path: 'history', value: history},
  ];
  return runScenario(scenario, {seed, overrides});
};

test('an upgrade: who is there, who runs what, how the version rises, and what each member holds', () => {
  const record = lifeOf('rolling-upgrade', 3, '3.4.45,3.5.33,3.6.14');
  expect(record.findings).toEqual([]);
  const {events = [], snapshots = []} = record.cluster ?? {};
  const founders = record.members.length;
  expect(events.filter(({kind}) => kind === 'added')).toHaveLength(founders);
  expect(events.flatMap((event) => (event.kind === 'cluster-version' ? [event.version] : []))).toEqual([
    '3.4.0',
    '3.5.0',
    '3.6.0',
  ]);
  const releases = new Set(events.flatMap((event) => (event.kind === 'up' ? [event.release] : [])));
  expect([...releases]).toEqual(['3.4.45', '3.5.33', '3.6.14']);
  const last = snapshots.slice(-founders);
  expect(last).toHaveLength(founders);
  for (const snapshot of last) {
    expect(snapshot).toMatchObject({release: '3.6.14', clusterVersion: '3.6.0', isCaughtUp: true});
    expect(snapshot.v2Members?.members).toHaveLength(founders);
    expect(snapshot.backendMembers?.members.every(({name}) => name !== '')).toBe(true);
    expect(snapshot.raft?.voters).toHaveLength(founders);
    expect(snapshot.storage?.storageVersion).toBe('3.6.0');
    expect(snapshot.hash?.hash).toBe(last[0]?.hash?.hash);
  }
  expect(decodeRunRecord(encodeRunRecord(record), 'again').cluster).toEqual(record.cluster);
});

test('a downgrade job is begun by request and ended by the leader', () => {
  const {findings, cluster} = lifeOf('rolling-downgrade', 5, '3.6.14,3.5.33');
  expect(findings).toEqual([]);
  const jobs = cluster?.events.filter(({kind}) => kind === 'downgrade');
  expect(jobs).toMatchObject([
    {enabled: true, target: '3.5.0', by: 'request'},
    {enabled: false, target: '3.5.0', by: 'leader'},
  ]);
});

test('a restored cluster begins anew, with the version that it inherits', () => {
  const {findings, cluster} = lifeOf('rolling-upgrade', 2, '3.5.33,3.6.14', 'restored');
  expect(findings).toEqual([]);
  const at = cluster?.events.findIndex(({kind}) => kind === 'recovered') ?? -1;
  expect(at).toBeGreaterThan(0);
  expect(new Set(cluster?.snapshots.map(({epoch}) => epoch))).toEqual(new Set([0, 1]));
});

test('voters that 3.6 takes for learners are found by the two lists of members', () => {
  const {findings} = lifeOf('rolling-upgrade', 1, '3.5.19,3.6.14', 'promoted-learner');
  expect(findings.map(({check}) => check)).toEqual(expect.arrayContaining(['membership-equality', 'raft-membership']));
});
