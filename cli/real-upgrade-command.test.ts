// `etcdsim real rolling-upgrade`: bad input, an interruption in the middle, both worlds alike where real binaries are, and that the
// comparison and the checkers see what is wrong.
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test, vi} from 'vitest';
import {findEtcd} from '../live/real/etcd-binary.ts';
import {loadCodec} from '../live/rpc/codec.ts';
import {findRealBinaries} from '../live/testing/real-binaries.ts';
import {compareUpgrades} from '../live/upgrade/compare-upgrades.ts';
import {operate, type UpgradeRun} from '../live/upgrade/operator.ts';
import {planDowngrade, planUpgrade, type UpgradePlan} from '../live/upgrade/upgrade-plan.ts';
import type {UpgradeAddresses, UpgradeWorld} from '../live/upgrade/upgrade-world.ts';
import {simUpgradeWorld} from './real-sim-world.ts';
import {
  compareUpgrade,
  exitCode,
  judge,
  realDowngradeCommand,
  realUpgradeCommand,
  reportLines,
} from './real-upgrade-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcdsim-test-'));
afterAll(() => rmSync(folder, {recursive: true}));

/** A program that answers --version like etcd, and does something else when it is started. */
function fakeEtcd(release: string, body: string): string {
  const path = join(folder, `etcd-${release}`);
  writeFileSync(
    path,
    `#!/bin/sh\nif [ "$1" = --version ]; then echo "etcd Version: ${release}"; exit 0; fi\n${body}\n`,
    {
      mode: 0o755,
    },
  );
  return path;
}

describe('bad input is refused in one line', () => {
  const etcd = ['3.4.23=/nowhere/3.4.23', '3.5.16=/nowhere/3.5.16'];
  const other = (): string[] => [`3.4.23=${fakeEtcd('3.5.99', 'exit 0')}`, '3.5.16=/nowhere'];
  test.each<[string, Parameters<typeof realUpgradeCommand>[0], string]>([
    ['no release', {}, 'at least two releases'],
    ['one release', {etcd: etcd.slice(0, 1)}, 'at least two releases'],
    ['no binary', {etcd}, '/nowhere/3.4.23: there is no such file or folder'],
    ['a release without a path', {etcd: ['3.4.23', '3.5.16=x']}, 'write it as 3.5.16=path'],
    ['a release twice', {etcd: ['3.4.23=a', '3.4.23=b']}, '3.4.23 is named twice'],
    ['no upgrade', {etcd: [...etcd].reverse()}, '3.5.16 -> 3.4.23 is no upgrade'],
    ['a minor is skipped', {etcd: ['3.3.25=x', '3.5.16=y']}, 'skips a minor'],
    ['a release that there is not', {etcd: ['3.4.23=x', '3.5.999=y']}, '3.5.999'],
    ['another release than the one named', {etcd: other()}, 'the binary is 3.5.99'],
    ['an even number of members', {etcd, members: '2'}, '--members 2: takes 1, 3 or 5'],
    ['too many members', {etcd, members: '7'}, '--members 7'],
    ['a seed that is none', {etcd, seed: 'x'}, '--seed x'],
  ])('%s', async (_name, given, words) => {
    await expect(realUpgradeCommand(given)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(words),
    });
  });

  test('a downgrade that no job leads to', async () => {
    await expect(realDowngradeCommand({etcd: [...etcd].reverse()})).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining('a cluster can be downgraded from 3.6 on'),
    });
  });

  test('with exit code 2', () => {
    const main = join(import.meta.dirname, 'main.ts');
    const {status, stderr} = spawnSync(process.execPath, [main, 'real', 'rolling-upgrade', '--etcd', '3.4.23=x'], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

const isAlive = (pid: number): boolean => {
  try {
    // A zombie whose parent has not looked yet is dead for our purposes.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe('no process outlives the command', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ended by %s', async (signal, code) => {
    // Notes its process id and folder, and stays: nothing but the command can end it.
    const notes = join(folder, `notes-${signal}`);
    const stays = fakeEtcd('3.4.23', `echo "$$ $PWD" >> ${notes}\nexec sleep 600`);
    const newer = fakeEtcd('3.5.16', 'exit 1');
    const main = join(import.meta.dirname, 'main.ts');
    const given = ['real', 'rolling-upgrade', '--etcd', `3.4.23=${stays}`, '--etcd', `3.5.16=${newer}`];
    const us = spawn(process.execPath, [main, ...given], {stdio: 'ignore'});
    const ended = new Promise((done) => us.once('exit', done));
    const noted = (): string[] => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []);
    await vi.waitUntil(() => noted().length === 3, {timeout: 30_000});
    const pids = noted().map((line) => Number(line.split(' ')[0]));
    expect(pids.every(isAlive)).toBe(true);
    us.kill(signal);
    expect(await ended).toBe(code);
    await vi.waitUntil(() => !pids.some(isAlive), {timeout: 30_000});
    const [, data = ''] = noted()[0]?.split(' ') ?? [];
    expect(data).toContain('etcdsim-upgrade-');
    await vi.waitUntil(() => !existsSync(data), {timeout: 30_000});
  });
});

const ADDRESSES: UpgradeAddresses = {
  members: ['m1', 'm2', 'm3', 'm4', 'm5'].map((name, index) => ({
    name,
    peerUrl: `http://127.0.0.1:${20_000 + index}`,
    clientUrl: `http://127.0.0.1:${21_000 + index}`,
  })),
  founderCount: 3,
  clusterToken: 'etcdsim-upgrade',
};
const PLAN = planUpgrade({path: ['3.3.25', '3.4.23', '3.5.16'], memberCount: 3, seed: 3, how: 'kill'});

const simulate = (
  plan: UpgradePlan = PLAN,
  change: (world: UpgradeWorld) => UpgradeWorld = (world) => world,
): Promise<UpgradeRun> => operate({world: change(simUpgradeWorld(ADDRESSES, plan.seed)), plan, codec: loadCodec()});

describe('the simulated side', () => {
  test('is the same every time, goes all the way and keeps every promise', async () => {
    const [first, second] = [await simulate(), await simulate()];
    expect(second).toEqual(first);
    expect(first.steps.filter(({outcome}) => outcome.startsWith('refused: '))).toHaveLength(4);
    const runs = [judge(first), judge(second)];
    expect(runs.map(({findings}) => findings)).toEqual([[], []]);
    expect(first.operations.length).toBeGreaterThan(200);
    expect(exitCode({plan: PLAN, runs, differences: compareUpgrades(first, second)})).toBe(0);
  });

  test('comes down by a job as well, and is refused a second one', async () => {
    const plan = planDowngrade({path: ['3.6.0', '3.5.16'], memberCount: 3, seed: 1, how: 'kill'});
    const run = await simulate(plan);
    expect(run.steps.at(-1)).toMatchObject({text: 'wait-healthy', outcome: 'done'});
    expect(run.steps.filter(({outcome}) => outcome.includes('invalid downgrade target version'))).toHaveLength(2);
    expect(exitCode({plan, runs: [judge(run)], differences: []})).toBe(0);
  });

  test('one that answers otherwise is different, step by step, and said so', async () => {
    const other = await simulate(PLAN, (world) => ({
      ...world,
      async http(member, path) {
        const reply = await world.http(member, path);
        return reply === undefined ? undefined : {...reply, body: reply.body.replace('"3.3.0"', '"3.3.9"')};
      },
    }));
    const run = await simulate();
    const comparison = {plan: PLAN, runs: [judge(run), judge(other)], differences: compareUpgrades(run, other)};
    expect(comparison.differences[0]).toMatchObject({step: 0, field: 'outcome', real: 'done'});
    expect(exitCode(comparison)).toBe(1);
    expect(reportLines(comparison).join('\n')).toContain('DIFFERENT');
  });

  test('a client that is told less than it was owed, or a stale answer, is a violation', async () => {
    const run = await simulate();
    const [watch] = run.watches;
    const entries = watch?.entries.filter(({kind}) => kind !== 'events') ?? [];
    const silent = run.watches.map((one, index) => (index === 0 ? {...one, entries} : one));
    expect(judge({...run, watches: silent}).verdict).toBe('violation');
    const last = run.operations.findLast(({outcome}) => outcome.kind === 'ok' && outcome.response.kind === 'range');
    const stale = run.operations.map((operation) => {
      const {outcome} = operation;
      if (operation !== last || outcome.kind !== 'ok' || outcome.response.kind !== 'range') return operation;
      return {...operation, outcome: {...outcome, response: {...outcome.response, kvs: [], count: 0}}};
    });
    expect(judge({...run, operations: stale}).verdict).toBe('violation');
  });

  test('a step that goes wrong in both worlds alike is no success', async () => {
    const run = await simulate({...PLAN, steps: [{kind: 'remove', member: 'm4'}]});
    expect(run.steps.at(-1)?.outcome).toContain('error 5: etcdserver: member not found');
    expect(exitCode({plan: PLAN, runs: [judge(run), judge(run)], differences: []})).toBe(1);
  });
});

const real = findRealBinaries();

describe.runIf(real.size === 3 || process.env['ETCDSIM_REQUIRE_ORACLES'] === '1')(
  'real binaries and simulated ones',
  () => {
    test.each([
      [3, 'stop', ['3.3.25', '3.4.23', '3.5.16']],
      [1, 'kill', ['3.4.23', '3.5.16']],
    ] as const)('%i member(s), %s, %o: every step is equal', async (memberCount, how, path) => {
      const binaries = new Map(
        await Promise.all(
          path.map(async (release) => [release, await findEtcd(real.get(release) ?? '', release)] as const),
        ),
      );
      const plan = planUpgrade({path, memberCount, seed: 1, how});
      const comparison = await compareUpgrade(plan, binaries);
      expect(comparison.differences).toEqual([]);
      expect(exitCode(comparison), reportLines(comparison).join('\n')).toBe(0);
    });
  },
);
