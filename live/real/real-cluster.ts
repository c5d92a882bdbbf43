// live/real/real-cluster.ts: one or three processes of a real etcd on loopback, in a temporary folder.
// Promise: they bind to 127.0.0.1 only, they are killed by process id, and they never outlive us (watchdog.ts). A member that
// dies is an InputError with the end of its log: the comparison cannot go on.
// The folder lies in memory where the system has /dev/shm: the comparison is about answers, not about a disk.
import {type ChildProcess, spawn} from 'node:child_process';
import {accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleepMs} from 'node:timers/promises';
import {InputError} from '../../base/input-error.ts';
import type {MemberAddress} from '../world.ts';
import type {EtcdBinary} from './etcd-binary.ts';
import {freePorts} from './free-ports.ts';
import {startWatchdog, type Watchdog} from './watchdog.ts';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 15;
const PORT_TRIES_MAX = 3;
const LOG_TAIL_SIZE = 600;

/** Members as both worlds start them. */
export interface ClusterAddresses {
  readonly members: readonly MemberAddress[];
  readonly clusterToken: string;
}

export interface RealCluster extends ClusterAddresses {
  readonly release: string;
  /** Undefined while all members run; else one line that says who died and with what last words. */
  deathNotice(): string | undefined;
  close(): void;
}

/** What each minor takes beyond the options that all share: quiet logs, and cheap password hashes where they can be had. */
const MINOR_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  '3.0': [],
  '3.1': [],
  '3.2': [],
  '3.3': [],
  '3.4': ['--logger=zap', '--log-outputs=stderr', '--log-level=warn', '--bcrypt-cost=4'],
};
const LATER_OPTIONS = ['--log-level=warn', '--bcrypt-cost=4'];

/** Addresses on free ports of 127.0.0.1. */
export async function drawAddresses(memberCount: number): Promise<ClusterAddresses> {
  const ports = await freePorts(memberCount * 2);
  const members = Array.from({length: memberCount}, (_, index) => ({
    name: `m${index}`,
    peerUrl: `http://127.0.0.1:${ports[index * 2]}`,
    clientUrl: `http://127.0.0.1:${ports[index * 2 + 1]}`,
  }));
  return {members, clusterToken: 'etcdsim-compare'};
}

/** Starts the members and returns when each of them answers as healthy. */
export async function startRealCluster(binary: EtcdBinary, memberCount: number): Promise<RealCluster> {
  for (let tryCount = 1; ; tryCount++) {
    const cluster = spawnCluster(binary, await drawAddresses(memberCount));
    try {
      await untilHealthy(cluster);
      return cluster;
    } catch (error) {
      cluster.close();
      const clash = error instanceof InputError && error.message.includes('address already in use');
      if (!clash || tryCount === PORT_TRIES_MAX) throw error;
    }
  }
}

interface Member {
  readonly name: string;
  readonly process: ChildProcess;
  readonly logPath: string;
  ended: string | undefined;
}

function spawnCluster(binary: EtcdBinary, addresses: ClusterAddresses): RealCluster {
  const folder = mkdtempSync(join(temporaryRoot(), 'etcdsim-compare-'));
  const watchdog = startWatchdog(folder);
  try {
    const members = addresses.members.map((member) => spawnMember(binary, addresses, member, folder, watchdog));
    return {
      ...addresses,
      release: binary.release,
      close: watchdog.close,
      deathNotice() {
        const dead = members.find(({ended}) => ended !== undefined);
        return dead === undefined ? undefined : `etcd member ${dead.name} ${dead.ended}: ${logTail(dead.logPath)}`;
      },
    };
  } catch (error) {
    watchdog.close();
    throw error;
  }
}

function spawnMember(
  binary: EtcdBinary,
  {members, clusterToken}: ClusterAddresses,
  {name, peerUrl, clientUrl}: MemberAddress,
  folder: string,
  watchdog: Watchdog,
): Member {
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
    ...(MINOR_OPTIONS[minor] ?? LATER_OPTIONS),
  ];
  const logPath = join(folder, `${name}.log`);
  const log = openSync(logPath, 'w');
  // Options come from here alone: ETCD_* variables of the caller would change what is compared.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD')));
  const child = spawn(binary.path, given, {stdio: ['ignore', log, log], cwd: folder, env: environment});
  watchdog.guard(child);
  closeSync(log);
  const member: Member = {name, process: child, logPath, ended: undefined};
  child.once('error', (error) => {
    member.ended = `cannot be started (${error.message})`;
  });
  child.once('exit', (code, signal) => {
    member.ended ??= signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  });
  return member;
}

async function untilHealthy(cluster: RealCluster): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (const {name, clientUrl} of cluster.members) {
    while (!(await isHealthy(clientUrl))) {
      const notice = cluster.deathNotice();
      if (notice !== undefined) throw new InputError(notice);
      if (performance.now() > deadline) {
        throw new InputError(`etcd member ${name} was not healthy after ${START_TIMEOUT_MS / 1000} s`);
      }
      await sleepMs(POLL_MS);
    }
  }
}

async function isHealthy(clientUrl: string): Promise<boolean> {
  try {
    const answer = await fetch(`${clientUrl}/health`);
    return answer.status === 200 && /"health":\s*"true"/.test(await answer.text());
  } catch {
    return false; // nobody listens yet
  }
}

function temporaryRoot(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

function logTail(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    // Go writes the reason first and then a page of stack.
    const reason = lines.findLastIndex((line) => /^panic:|^fatal error:|"level":"(panic|fatal)"| [CF] \| /.test(line));
    const from = reason >= 0 ? reason : Math.max(0, lines.length - 3);
    return lines
      .slice(from, from + 3)
      .join(' | ')
      .slice(0, LOG_TAIL_SIZE);
  } catch {
    return '(no log)';
  }
}
