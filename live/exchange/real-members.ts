// live/exchange/real-members.ts: real etcd processes on data directories and addresses that are given, killed by process id.
// Promise: they bind to 127.0.0.1 only, and the watchdog of whoever calls ends them if we do not.
import {type ChildProcess, spawn} from 'node:child_process';
import {accessSync, closeSync, constants, openSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleepMs} from 'node:timers/promises';
import type {EtcdBinary} from '../real/etcd-binary.ts';
import type {ClusterAddresses} from '../real/real-cluster.ts';
import {realWorld} from '../real/real-world.ts';
import type {Watchdog} from '../real/watchdog.ts';
import type {MemberAddress, World} from '../world.ts';
import {WorldDied} from '../world.ts';

export interface RealMembersOptions extends ClusterAddresses {
  readonly binary: EtcdBinary;
  readonly watchdog: Watchdog;
  /** Holds a data directory for each member, by its name; absent ones are founded. */
  readonly folder: string;
  readonly snapshotCount: number;
}

export interface RealMembers {
  readonly world: World;
  /** SIGKILL to all; returns when they are gone. The folder stays. */
  kill(): Promise<void>;
}

/** One of the ports was taken by a stranger since it was drawn: the exchange has to begin again with others. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
}

const NAME = 'real';
const START_TIMEOUT_MS = 40_000;
const POLL_MS = 15;
const LOG_TAIL_SIZE = 600;

/** Quiet logs, and cheap password hashes where they can be had. */
const MINOR_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  '3.3': [],
  '3.4': ['--logger=zap', '--log-outputs=stderr', '--log-level=warn', '--bcrypt-cost=4'],
};
const LATER_OPTIONS = ['--log-level=warn', '--bcrypt-cost=4'];

interface Running {
  readonly address: MemberAddress;
  readonly process: ChildProcess;
  readonly logPath: string;
  ended: string | undefined;
}

/** Starts the members; returns when each of them serves. Throws WorldDied with the last words of one that did not. */
export async function startRealMembers(options: RealMembersOptions): Promise<RealMembers> {
  const {members, clusterToken, binary} = options;
  const running = members.map((address) => spawnMember(options, address));
  const deathNotice = (): string | undefined => {
    const dead = running.find(({ended}) => ended !== undefined);
    return dead === undefined
      ? undefined
      : `etcd member ${dead.address.name} ${dead.ended}: ${logTail(dead.logPath, members)}`;
  };
  const kill = async (): Promise<void> => {
    await Promise.all(running.map(({process}) => killed(process)));
  };
  try {
    await untilServing(members, deathNotice);
  } catch (error) {
    await kill();
    throw error;
  }
  const cluster = {members, clusterToken, release: binary.release, deathNotice, close: () => undefined};
  const world = realWorld(cluster, NAME);
  return {
    world,
    async kill() {
      await kill();
      await world.close();
    },
  };
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((done) => {
    child.once('exit', () => done());
    child.kill('SIGKILL');
  });
}

function spawnMember(options: RealMembersOptions, address: MemberAddress): Running {
  const {binary, watchdog, folder, snapshotCount, members, clusterToken} = options;
  const {name, peerUrl, clientUrl} = address;
  const minor = binary.release.split('.').slice(0, 2).join('.');
  const given = [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--initial-cluster=${members.map((member) => `${member.name}=${member.peerUrl}`).join(',')}`,
    `--initial-cluster-token=${clusterToken}`,
    '--initial-cluster-state=new',
    `--snapshot-count=${snapshotCount}`,
    ...(MINOR_OPTIONS[minor] ?? LATER_OPTIONS),
  ];
  const logPath = join(folder, `${name}.log`);
  const log = openSync(logPath, 'w');
  // Options come from here alone: ETCD_* variables of the caller would change what is exchanged.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD')));
  const child = spawn(binary.path, given, {stdio: ['ignore', log, log], cwd: folder, env: environment});
  watchdog.guard(child);
  closeSync(log);
  const running: Running = {address, process: child, logPath, ended: undefined};
  child.once('error', (error) => {
    running.ended = `cannot be started (${error.message})`;
  });
  child.once('exit', (code, signal) => {
    running.ended ??= signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  });
  return running;
}

/** Not by /health: a member with an alarm is never healthy. A client port answers when its member has joined the others. */
async function untilServing(members: readonly MemberAddress[], deathNotice: () => string | undefined): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (const {name, clientUrl} of members) {
    while (!(await answers(`${clientUrl}/version`))) {
      const notice = deathNotice();
      if (notice !== undefined) {
        if (notice.includes('address already in use')) throw new PortTaken(notice);
        throw new WorldDied(NAME, notice);
      }
      if (performance.now() > deadlineMs) {
        throw new WorldDied(NAME, `etcd member ${name} did not serve within ${START_TIMEOUT_MS / 1000} s`);
      }
      await sleepMs(POLL_MS);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.text();
    return answer.ok;
  } catch {
    return false; // nobody listens yet
  }
}

/** Where real data directories lie: in memory if the system has such a place, as this is not about the speed of a disk. */
export function temporaryRoot(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

/** The reason of an end, from the log; addresses by member name, as they are others every time. */
function logTail(path: string, members: readonly MemberAddress[]): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  // Go writes the reason first and then a page of stack.
  const reason = lines.findLastIndex((line) => /^panic:|^fatal error:|"level":"(panic|fatal)"| [CF] \| /.test(line));
  const from = reason >= 0 ? reason : Math.max(0, lines.length - 3);
  let tail = lines.slice(from, from + 3).join(' | ');
  for (const {name, peerUrl, clientUrl} of members) tail = tail.replaceAll(peerUrl, name).replaceAll(clientUrl, name);
  return tail.slice(0, LOG_TAIL_SIZE);
}
