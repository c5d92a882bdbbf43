import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test, vi} from 'vitest';
import {findRealBinaries} from '../testing/real-binaries.ts';
import {findEtcd} from './etcd-binary.ts';
import {startRealCluster} from './real-cluster.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcdsim-test-'));
afterAll(() => rmSync(folder, {recursive: true}));

/** A program that answers --version like etcd, and does something else when it is started. */
function fakeEtcd(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = --version ]; then echo "etcd Version: 3.5.99"; exit 0; fi\n${body}\n`, {
    mode: 0o755,
  });
  return path;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie whose parent has not looked yet is dead for our purposes.
    return !/^\d+ \(.*\) Z/.test(spawnSync('cat', [`/proc/${pid}/stat`], {encoding: 'utf8'}).stdout);
  } catch {
    return false;
  }
};

async function untilTrue(holds: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 500 && !holds(); tries++) await new Promise((done) => setTimeout(done, 20));
  return holds();
}

describe('a path that is no etcd is refused in one line', () => {
  test.each([
    ['/nowhere/etcd', undefined, 'there is no such file or folder'],
    ['/proc', undefined, 'the folder has no file named etcd'],
    ['/etc/hostname', undefined, 'cannot be run'],
    ['/bin/true', undefined, "'etcd --version' does not name a release"],
  ])('%s', async (path, release, reason) => {
    const refusal = expect(findEtcd(path, release)).rejects;
    await refusal.toMatchObject({name: 'InputError', message: expect.stringContaining(reason)});
  });
  test('another release than the one asked for', async () => {
    await expect(findEtcd(fakeEtcd('other', 'exit 0'), '3.4.1')).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining('the binary is 3.5.99'),
    });
  });
});

describe('an etcd that hangs when it is asked for its release', () => {
  /** Starts a child of its own, notes the process ids of both, and waits. */
  function hangs(name: string): {path: string; pids: () => number[]} {
    const path = join(folder, name);
    writeFileSync(path, '#!/bin/sh\nsleep 600 &\necho "$$ $!" > "$0.pids"\nwait\n', {mode: 0o755});
    const pids = (): number[] =>
      existsSync(`${path}.pids`)
        ? (readFileSync(`${path}.pids`, 'utf8')
            .match(/^(\d+) (\d+)\n/)
            ?.slice(1)
            .map(Number) ?? [])
        : [];
    return {path, pids};
  }

  test('is refused with the time it had, and nothing of it lives on', async () => {
    const {path, pids} = hangs('hangs');
    await expect(findEtcd(path, undefined, 1_000)).rejects.toMatchObject({
      name: 'InputError',
      message: `--etcd ${path}: cannot be run: no answer to --version within 1 s; it was ended, with all that it started`,
    });
    expect(pids()).toHaveLength(2);
    for (const pid of pids()) expect(await untilTrue(() => !isAlive(pid))).toBe(true);
  });
  test('does not outlive us when we are killed meanwhile', async () => {
    const {path, pids} = hangs('hangs-on');
    const script = `import {findEtcd} from '${join(import.meta.dirname, 'etcd-binary.ts')}';
      await findEtcd('${path}', undefined, 600_000);`;
    const us = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: 'ignore'});
    expect(await untilTrue(() => pids().length === 2)).toBe(true);
    expect(pids().map(isAlive)).toEqual([true, true]);
    us.kill('SIGKILL');
    for (const pid of pids()) expect(await untilTrue(() => !isAlive(pid))).toBe(true);
  });
});

describe('required binaries', () => {
  const some = join(folder, 'releases');
  for (const release of ['3.3.25', '3.5.16']) {
    mkdirSync(join(some, release), {recursive: true});
    writeFileSync(join(some, release, 'etcd'), '');
  }
  test('that are not all there are a failure', () => {
    const required = {ETCDSIM_REAL_ETCD: some, ETCDSIM_REQUIRE_ORACLES: '1'};
    expect(() => findRealBinaries(required)).toThrow(/required and absent.*"absent":\["3\.4\.23"\]/);
  });
  test('are all those that there are, where none is required', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      expect([...findRealBinaries({ETCDSIM_REAL_ETCD: some}).keys()]).toEqual(['3.3.25', '3.5.16']);
      expect(warn.mock.calls).toEqual([[expect.stringContaining('SKIPPED: no real etcd 3.4.23 in')]]);
    } finally {
      warn.mockRestore();
    }
  });
});

test('a member that dies at start is told with its last words, and its folder is gone', async () => {
  const etcd = await findEtcd(fakeEtcd('dies', 'pwd > "$0.cwd"; echo "panic: no such thing"; exit 3'), undefined);
  const start = startRealCluster(etcd, 1);
  await expect(start).rejects.toMatchObject({
    name: 'InputError',
    message: 'etcd member m0 ended with code 3: panic: no such thing',
  });
  const cwd = spawnSync('cat', [`${etcd.path}.cwd`], {encoding: 'utf8'}).stdout.trim();
  expect(cwd).toContain('etcdsim-compare-');
  expect(existsSync(cwd)).toBe(false);
});

test('processes do not outlive us when we are killed with SIGKILL', async () => {
  // The fake etcd notes its process id and stays; nobody but the watchdog can end it after the kill.
  const path = fakeEtcd('stays', 'echo $$ > "$0.pid"; pwd >> "$0.pid"; exec sleep 600');
  const script = `import {startRealCluster} from '${join(import.meta.dirname, 'real-cluster.ts')}';
    await startRealCluster({path: '${path}', release: '3.5.99'}, 1);`;
  const us = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: 'ignore'});
  const noted = (): string[] =>
    existsSync(`${path}.pid`)
      ? spawnSync('cat', [`${path}.pid`], {encoding: 'utf8'})
          .stdout.trim()
          .split('\n')
      : [];
  expect(await untilTrue(() => noted().length === 2)).toBe(true);
  const [pid = '', cwd = ''] = noted();
  expect(isAlive(Number(pid))).toBe(true);
  us.kill('SIGKILL');
  expect(await untilTrue(() => !isAlive(Number(pid)))).toBe(true);
  expect(await untilTrue(() => !existsSync(cwd))).toBe(true);
});

describe.each([...findRealBinaries()])('real etcd %s', (release, path) => {
  test.each([1, 3])('%i member(s) start, name their release, and end', async (memberCount) => {
    const cluster = await startRealCluster(await findEtcd(path, release), memberCount);
    const answers = await Promise.all(
      cluster.members.map(async ({clientUrl}) => (await fetch(`${clientUrl}/version`)).json() as Promise<unknown>),
    );
    expect(answers).toMatchObject(cluster.members.map(() => ({etcdserver: release})));
    cluster.close();
    const url = cluster.members[0]?.clientUrl ?? '';
    await expect(fetch(`${url}/version`)).rejects.toThrow();
  });
});
