// `etcdsim real run --plan`: what is refused before anything starts, the whole of a life in the simulated world, and one with real binaries.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';
import {findEtcd} from '../live/real/etcd-binary.ts';
import {loadCodec} from '../live/rpc/codec.ts';
import {findRealBinaries} from '../live/testing/real-binaries.ts';
import {planLife} from '../live/upgrade/life-plan.ts';
import {operate, type UpgradeRun} from '../live/upgrade/operator.ts';
import type {UpgradeWorld} from '../live/upgrade/upgrade-world.ts';
import type {Step} from '../scenarios/life/steps.ts';
import type {Fault, Plan} from '../scenarios/plan.ts';
import {planOf} from '../scenarios/run-scenario.ts';
import {realRunCommand} from './real-run-command.ts';
import {simUpgradeWorld} from './real-sim-world.ts';
import {compareUpgrade, exitCode, judge, reportLines} from './real-upgrade-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcdsim-test-'));
afterAll(() => rmSync(folder, {recursive: true}));

const release = '3.5.16';
const HEALTHY: Step = {kind: 'wait-healthy'};
const GROWING: readonly Step[] = [
  {kind: 'add', member: 'm4', release, learner: true},
  {kind: 'start', member: 'm4'},
  HEALTHY,
  {kind: 'promote', member: 'm4'},
  {kind: 'move-leader', to: 'm4'},
  {kind: 'compact', physical: true},
  {kind: 'defragment', member: 'm4'},
  {kind: 'replace-member', member: 'm2', by: 'm5', release},
  HEALTHY,
];
const RECOVERING: readonly Step[] = [
  {kind: 'wait', us: 300_000},
  {kind: 'traffic', flow: 'pause'},
  {kind: 'snapshot-save', member: 'follower'},
  {kind: 'spend-revisions', count: 20},
  {
    kind: 'snapshot-restore',
    members: ['m4', 'm5', 'm6'],
    release,
    bumpRevision: 20,
    refused: 'mark-compacted required',
  },
  {kind: 'snapshot-restore', members: ['m4', 'm5', 'm6'], release, bumpRevision: 20, markCompacted: true},
  {kind: 'traffic', flow: 'resume'},
  {kind: 'wait', us: 300_000},
  {kind: 'restart', member: 'leader'},
  HEALTHY,
  {kind: 'traffic', flow: 'pause'},
  {kind: 'stop', member: 'm5'},
  {kind: 'force-new-cluster', member: 'm5'},
  {kind: 'traffic', flow: 'resume'},
  {kind: 'add', member: 'm7', release, learner: false},
  {kind: 'start', member: 'm7'},
  HEALTHY,
];

function lifeOf(steps: readonly Step[], faults: readonly Fault[] = []): Plan {
  const drawn = planOf('grow-with-learners', {seed: 1, overrides: []});
  const cluster = {...drawn.cluster, memberCount: 3 as const, release, flags: {}};
  return {...drawn, cluster, history: 'fresh', faults: [...faults], steps: [...steps]};
}

function fileOf(plan: unknown): string {
  const path = join(folder, 'plan.json');
  writeFileSync(path, JSON.stringify(plan));
  return path;
}

/** A program that answers --version like etcd, alone in its folder. */
function loneEtcd(): string {
  const path = join(folder, 'etcd');
  writeFileSync(path, `#!/bin/sh\necho "etcd Version: ${release}"\n`, {mode: 0o755});
  return path;
}

describe('bad input is refused in one line', () => {
  const slow: Fault = {kind: 'stall-disk', atUs: 0, durationUs: 1, target: {who: 'leader'}};
  const save: Step = {kind: 'snapshot-save', member: 'm1'};
  const restore: Step = {kind: 'snapshot-restore', members: ['m4'], release};
  test.each<[string, () => Parameters<typeof realRunCommand>[0], string]>([
    ['no plan', () => ({}), 'name a plan with --plan'],
    ['no JSON', () => ({plan: loneEtcd()}), 'not JSON'],
    ['no file', () => ({plan: '/nowhere/plan.json'}), '/nowhere/plan.json'],
    ['no plan in the file', () => ({plan: fileOf({})}), 'plan of version undefined'],
    ['a fault', () => ({plan: fileOf(lifeOf([HEALTHY], [slow]))}), 'real clusters know no stall-disk'],
    [
      'no binary',
      () => ({plan: fileOf({plan: lifeOf([HEALTHY])})}),
      'runs 3.5.16; name its binary with --etcd 3.5.16=path',
    ],
    [
      'no binary of a release that comes later',
      () => ({
        plan: fileOf(lifeOf([{kind: 'add', member: 'm4', release: '3.5.17', learner: true}])),
        etcd: [`${release}=${loneEtcd()}`],
      }),
      'runs 3.5.17; name its binary',
    ],
    [
      'no tool to restore with',
      () => ({plan: fileOf(lifeOf([save, restore])), etcd: [`${release}=${loneEtcd()}`]}),
      'snapshot-restore with 3.5.16 needs etcdutl or etcdctl',
    ],
    ['a seed that is none', () => ({plan: fileOf(lifeOf([HEALTHY])), seed: 'x'}), '--seed x'],
  ])('%s', async (_name, given, words) => {
    await expect(realRunCommand(given())).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(words),
    });
  });

  test('with exit code 2', () => {
    const main = join(import.meta.dirname, 'main.ts');
    const given = [main, 'real', 'run', '--plan', fileOf(lifeOf([HEALTHY], [slow]))];
    const {status, stderr} = spawnSync(process.execPath, given, {encoding: 'utf8'});
    expect(status).toBe(2);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('real clusters know no stall-disk')]);
  });
});

const ADDRESSES = {
  members: Array.from({length: 7}, (_, index) => ({
    name: `m${index + 1}`,
    peerUrl: `http://127.0.0.1:${20_000 + index}`,
    clientUrl: `http://127.0.0.1:${21_000 + index}`,
  })),
  founderCount: 3,
  clusterToken: 'etcdsim-upgrade',
};

function simulate(
  plan: Plan,
  {
    seed = 1,
    leaders,
    change = (world) => world,
  }: {
    readonly seed?: number;
    readonly leaders?: readonly string[];
    readonly change?: (world: UpgradeWorld) => UpgradeWorld;
  } = {},
): Promise<UpgradeRun> {
  const world = change(simUpgradeWorld(ADDRESSES, seed));
  return operate({world, plan: planLife(plan, seed), codec: loadCodec(), ...(leaders === undefined ? {} : {leaders})});
}

const outcomes = ({steps}: UpgradeRun): string[] => steps.map(({text, outcome}) => `${text}: ${outcome}`);

describe('the simulated side', () => {
  test('a cluster grows by a learner, and a member is replaced, with kills between', async () => {
    const {safetyUs} = lifeOf([]);
    const faults: Fault[] = [
      {kind: 'kill', atUs: Math.floor(safetyUs / 2), durationUs: 300_000, target: {who: 'leader'}},
      {kind: 'kill', atUs: safetyUs, durationUs: 300_000, target: {who: 'members', count: 2}},
    ];
    const run = await simulate(lifeOf(GROWING, faults));
    expect(run.steps.map(({outcome}) => outcome).filter((outcome) => outcome !== 'done')).toEqual([]);
    expect(outcomes(run).filter((text) => text.startsWith('kill'))).toHaveLength(2);
    expect(run.steps.at(-1)?.members.map(({state}) => state)).toEqual([
      'running',
      'down',
      'running',
      'running',
      'running',
    ]);
    expect(judge(run)).toMatchObject({verdict: 'ok', findings: []});
  });

  test('a cluster is restored from a snapshot, at a raised revision, and goes on by force; nothing that was answered is lost', async () => {
    const run = await simulate(lifeOf(RECOVERING));
    const refused = run.steps.filter(({outcome}) => outcome.startsWith('refused: '));
    expect(refused.map(({text}) => text)).toEqual(['snapshot-restore into m4, m5, m6 (3.5.16, revision 20 higher)']);
    expect(run.steps.at(-1)).toMatchObject({text: 'wait-healthy', outcome: 'done'});
    expect(
      run.steps
        .at(-1)
        ?.members.filter(({state}) => state === 'running')
        .map(({name}) => name),
    ).toEqual(['m5', 'm7']);
    expect(judge(run)).toMatchObject({verdict: 'ok', findings: []});
  });

  test('a leader that the other world had is made the leader before the step', async () => {
    const plan = lifeOf([HEALTHY, {kind: 'stop', member: 'leader'}, {kind: 'start', member: 'same'}, HEALTHY]);
    for (const leader of ['m1', 'm2', 'm3']) {
      const run = await simulate(plan, {leaders: [leader]});
      expect(run.leaders).toEqual([leader]);
      expect(outcomes(run)[2]).toBe(`stop ${leader}: done`);
    }
  });

  test('a change whose answer was lost is not made twice', async () => {
    const addPath = loadCodec().rpc('Cluster/MemberAdd').path;
    let addCount = 0;
    const losing = (world: UpgradeWorld): UpgradeWorld => ({
      ...world,
      async call(member, path, request, metadata) {
        const reply = await world.call(member, path, request, metadata);
        if (path !== addPath || reply.kind !== 'ok') return reply;
        return ++addCount === 1 ? {kind: 'silence'} : reply;
      },
    });
    const run = await simulate(lifeOf([{kind: 'add', member: 'm4', release, learner: true}]), {change: losing});
    expect([addCount, run.steps.at(-1)?.outcome]).toEqual([1, 'done']);
  });

  test.each<[string, Step, string]>([
    ['an error', {kind: 'remove', member: 'm4'}, 'error 5: etcdserver: member not found'],
    [
      'other words',
      {kind: 'promote', member: 'm1', refused: 'nothing of the kind'},
      'can only promote a learner member',
    ],
    [
      'no refusal',
      {kind: 'add', member: 'm4', release, learner: true, refused: 'too many learner members'},
      "not refused; 'too many learner members' is what etcd says",
    ],
    [
      'an end of nobody',
      {kind: 'start', member: 'm1', ends: [{member: 'm2', text: 'x'}]},
      "not refused; 'x' is what etcd says",
    ],
  ])('%s where the plan says otherwise ends the run', async (_name, step, words) => {
    const run = await simulate(
      lifeOf([...(step.kind === 'start' ? [{kind: 'stop', member: 'm1'} as const] : []), step, HEALTHY]),
    );
    expect(run.steps.at(-1)?.outcome).toContain(words);
    expect(exitCode({plan: planLife(lifeOf([step]), 1), runs: [judge(run), judge(run)], differences: []})).toBe(1);
  });
});

const real = findRealBinaries();

describe.runIf(real.size === 3 || process.env['ETCDSIM_REQUIRE_ORACLES'] === '1')(
  'real binaries and simulated ones',
  () => {
    test.each([
      ['grows by a learner, and a member is replaced', GROWING],
      ['is restored from a snapshot, and goes on by force', RECOVERING],
    ])('a cluster that %s: every step is equal', async (_name, steps) => {
      const binary = await findEtcd(real.get(release) ?? '', release);
      const comparison = await compareUpgrade(planLife(lifeOf(steps), 1), new Map([[release, binary]]));
      expect(comparison.differences).toEqual([]);
      expect(exitCode(comparison), reportLines(comparison).join('\n')).toBe(0);
    });
  },
);
