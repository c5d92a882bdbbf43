// live/upgrade/real-upgrade-world.ts: real etcd processes on loopback, each stopped, killed and started again on its data directory with
// any of several binaries. Promise: they bind to 127.0.0.1 only, are ended by process id, and never outlive us (watchdog.ts).
// The folder lies in memory where the system has /dev/shm: this is about answers, not about a disk.
import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, mkdtempSync, openSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleepMs} from 'node:timers/promises';
import {must} from '../../base/assert.ts';
import {temporaryRoot} from '../exchange/real-members.ts';
import type {EtcdBinary} from '../real/etcd-binary.ts';
import {freePorts} from '../real/free-ports.ts';
import {realWorld} from '../real/real-world.ts';
import {startWatchdog, type Watchdog} from '../real/watchdog.ts';
import type {HttpReply, MemberAddress, World} from '../world.ts';
import {lastWordsIn, reasonIn} from './last-words.ts';
import {restoreReal} from './snapshot-tool.ts';
import type {ProcessState, StartOptions, UpgradeAddresses, UpgradeWorld} from './upgrade-world.ts';

const STOP_MS_MAX = 20_000;
const HTTP_MS_MAX = 5_000;

/** Quiet logs where that costs nothing: up to 3.4 words depend on the logger, and the default one is compared. */
const MINOR_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  '3.0': [],
  '3.1': [],
  '3.2': [],
  '3.3': [],
  '3.4': [],
};
const LATER_OPTIONS = ['--log-level=warn'];

/** Addresses on free ports of 127.0.0.1: members m1, m2, … of which the first found the cluster. */
export async function drawUpgradeAddresses(founderCount: number, joinerCount: number): Promise<UpgradeAddresses> {
  const count = founderCount + joinerCount;
  const ports = await freePorts(count * 2);
  const members = Array.from({length: count}, (_, index) => ({
    name: `m${index + 1}`,
    peerUrl: `http://127.0.0.1:${ports[index * 2]}`,
    clientUrl: `http://127.0.0.1:${ports[index * 2 + 1]}`,
  }));
  return {members, founderCount, clusterToken: 'etcdsim-upgrade'};
}

/** One member over all its incarnations. */
interface RealMember {
  readonly address: MemberAddress;
  process: ChildProcess | undefined;
  /** Of the incarnation that runs, or ran last. */
  logPath: string;
  startCount: number;
  /** Whoever made it end is this side. */
  isTakenDown: boolean;
  ended: string | undefined;
  world: World | undefined;
}

/** A world without processes; `start` makes them. Closing it ends what runs and removes the folder. */
export function realUpgradeWorld(addresses: UpgradeAddresses, binaries: ReadonlyMap<string, EtcdBinary>): UpgradeWorld {
  const folder = mkdtempSync(join(temporaryRoot(), 'etcdsim-upgrade-'));
  const watchdog = startWatchdog(folder);
  const members: readonly RealMember[] = addresses.members.map((address) => ({
    address,
    process: undefined,
    logPath: '',
    startCount: 0,
    isTakenDown: false,
    ended: undefined,
    world: undefined,
  }));
  const memberAt = (index: number): RealMember => must(members[index], 'no such member', {index});
  const worldOf = (index: number): World => must(memberAt(index).world, 'the member was never started', {index});
  const startedMs = performance.now();
  return {
    name: 'real',
    members: addresses.members,
    start(index, options) {
      const binary = must(binaries.get(options.release), 'no binary of that release', {release: options.release});
      startMember({member: memberAt(index), folder, binary, options, watchdog, clusterToken: addresses.clusterToken});
    },
    stop: (index) => takeDown(memberAt(index), 'SIGTERM'),
    async kill(index) {
      await takeDown(memberAt(index), 'SIGKILL');
    },
    restore: (index, request) => restoreReal(memberAt(index).address, folder, request, binaries),
    stateOf: (index) => stateOf(memberAt(index), addresses.members),
    call: (index, path, request, metadata) => worldOf(index).call(0, path, request, metadata),
    begin: (index, path, request, metadata) => worldOf(index).begin(0, path, request, metadata),
    openStream: (index, path) => worldOf(index).openStream(0, path, {}),
    http: (index, path) => httpGet(`${memberAt(index).address.clientUrl}${path}`),
    async sleep(ms) {
      await sleepMs(ms);
    },
    nowMs: () => performance.now() - startedMs,
    async close() {
      for (const {world} of members) await world?.close();
      await Promise.all(members.map((member) => takeDown(member, 'SIGKILL')));
      watchdog.close();
    },
  };
}

interface Starting {
  readonly member: RealMember;
  readonly folder: string;
  readonly binary: EtcdBinary;
  readonly options: StartOptions;
  readonly watchdog: Watchdog;
  readonly clusterToken: string;
}

const SCOPED = /^(?:(\d+\.\d+(?:\.\d+)?):)?(.*)$/;

/** What a member of that release is given: the later of two counts, so what is limited to a minor or a release comes behind the rest. */
function flagsFor(release: string, flags: Readonly<Record<string, string>>): string[] {
  const split = Object.entries(flags).map(([key, text]) => ({text, scope: SCOPED.exec(key)?.[1] ?? '', key}));
  const own = split.filter(({scope}) => scope === '' || release === scope || release.startsWith(`${scope}.`));
  own.sort((a, b) => a.scope.length - b.scope.length || (a.key < b.key ? -1 : 1));
  return own.map(({key, text}) => `--${SCOPED.exec(key)?.[2] ?? key}=${text}`);
}

function startMember({member, folder, binary, options, watchdog, clusterToken}: Starting): void {
  const {name, peerUrl, clientUrl} = member.address;
  const minor = binary.release.split('.').slice(0, 2).join('.');
  const given = [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--initial-cluster=${options.initialCluster.map((one) => `${one.name}=${one.peerUrl}`).join(',')}`,
    `--initial-cluster-token=${clusterToken}`,
    `--initial-cluster-state=${options.initialClusterState}`,
    ...(options.forceNewCluster ? ['--force-new-cluster'] : []),
    ...(options.snapshotCount === undefined ? [] : [`--snapshot-count=${options.snapshotCount}`]),
    ...(MINOR_OPTIONS[minor] ?? LATER_OPTIONS),
    ...flagsFor(binary.release, options.flags),
  ];
  member.startCount++;
  member.logPath = join(folder, `${name}.${member.startCount}.log`);
  const log = openSync(member.logPath, 'w');
  // Options come from here alone: ETCD_* variables of the caller would change what is compared.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD')));
  const child = spawn(binary.path, given, {stdio: ['ignore', log, log], cwd: folder, env: environment});
  watchdog.guard(child);
  closeSync(log);
  [member.process, member.isTakenDown, member.ended] = [child, false, undefined];
  child.once('error', (error) => {
    member.ended = `cannot be started (${error.message})`;
  });
  child.once('exit', (code, signal) => {
    member.ended ??= signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  });
  // Each incarnation has a connection of its own: no waiting time of the last one is in its way.
  void member.world?.close();
  const noDeath = {release: binary.release, deathNotice: () => undefined, close: () => undefined};
  member.world = realWorld({members: [member.address], clusterToken, ...noDeath});
}

function stateOf(member: RealMember, addresses: readonly MemberAddress[]): ProcessState {
  if (member.process === undefined || member.isTakenDown) return {kind: 'down'};
  if (member.ended === undefined) return {kind: 'running'};
  const words = logTail(member.logPath, addresses);
  return {kind: 'ended', reason: reasonIn(words), lastWords: `${member.ended}: ${words}`};
}

async function takeDown(member: RealMember, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  const {process: child} = member;
  member.isTakenDown = true;
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return true;
  const gone = new Promise<'gone'>((done) => child.once('exit', () => done('gone')));
  child.kill(signal);
  if (signal === 'SIGKILL') {
    await gone;
    return true;
  }
  const timeout = new AbortController();
  const tooLong = sleepMs(STOP_MS_MAX, 'too long' as const, {signal: timeout.signal}).catch(() => 'gone' as const);
  const how = await Promise.race([gone, tooLong]);
  timeout.abort();
  if (how === 'gone') return true;
  child.kill('SIGKILL');
  await gone;
  return false;
}

async function httpGet(url: string): Promise<HttpReply | undefined> {
  try {
    const answer = await fetch(url, {signal: AbortSignal.timeout(HTTP_MS_MAX)});
    return {status: answer.status, body: await answer.text()};
  } catch {
    return undefined; // nobody listens, or nobody answers
  }
}

/** The reason of an end, from the log; addresses by member name, as they are others every time. */
function logTail(path: string, members: readonly MemberAddress[]): string {
  let line = lastWordsIn(readFileSync(path, 'utf8'));
  for (const {name, peerUrl, clientUrl} of members) line = line.replaceAll(peerUrl, name).replaceAll(clientUrl, name);
  return line;
}
