// live/exchange/exchange.ts: one seed in one direction: a cluster of one kind is driven and crashes while writes are under way, then
// a real and a simulated cluster start on copies of its data directories and are asked everything.
// Promise: two equal answers mean that both were really asked (counts say how much), and a cluster that does not start on the
// directories is a difference, not a failure of the exchange.
import {mkdtempSync} from 'node:fs';
import {join} from 'node:path';
import {must} from '../../base/assert.ts';
import {Random} from '../../base/random.ts';
import {firstMismatch} from '../compare/unequal.ts';
import type {EtcdBinary} from '../real/etcd-binary.ts';
import {type ClusterAddresses, drawAddresses} from '../real/real-cluster.ts';
import {startWatchdog, type Watchdog} from '../real/watchdog.ts';
import {type Codec, loadCodec, type Plain} from '../rpc/codec.ts';
import {WorldDied} from '../world.ts';
import {type DataDirs, readDataDir, writeDataDir} from './data-files.ts';
import {beginRounds, type Driven, drive, type InFlight, learnMembers, startDriving} from './drive.ts';
import {COMPARED_PARTS, checkSaysSomething, type Observation, type ObservedCounts, observe} from './observe.ts';
import {PortTaken, startRealMembers, temporaryRoot} from './real-members.ts';
import {type Crash, type Direction, drawSequence, type Sequence} from './sequence.ts';
import {startSimMembers} from './sim-members.ts';

export interface ExchangeOptions {
  readonly etcd: EtcdBinary;
  readonly direction: Direction;
  readonly seed: number;
  /** Changes what the real members are given, after the crash: for tests that a difference is found. */
  readonly tamper?: (dataDirs: DataDirs) => DataDirs;
}

/** The first thing that the two clusters serve differently. */
export interface ExchangeDifference {
  readonly field: string;
  readonly real: Plain;
  readonly simulated: Plain;
}

export interface ExchangeResult {
  readonly seed: number;
  readonly release: string;
  readonly direction: Direction;
  readonly memberCount: number;
  readonly crashes: readonly Crash[];
  /** Calls that were answered well, refused, under way at the crash, and answered just before it. */
  readonly calls: {
    readonly ok: number;
    readonly refused: number;
    readonly inFlight: number;
    readonly inFlightAnswered: number;
  };
  /** The newest revision that anybody was told before the crash; 0 where the release may lose it: mayLoseAcknowledged. */
  readonly acknowledgedRevision: number;
  /** What was served; undefined when one of them did not come up. */
  readonly served: (ObservedCounts & {readonly revision: number; readonly compactRevision: number}) | undefined;
  /** With several members, the two elections kept different numbers of the writes that nobody was told of. */
  readonly tailsDiffer: boolean;
  readonly difference: ExchangeDifference | undefined;
}

const PORT_TRIES_MAX = 4;
/** A restarted member counts leases from their full time; what differs is how long ago that was. */
const TTL_TOLERANCE_SECONDS = 6;

/**
 * A single member of these releases answers before the entry is in its WAL, so a crash may take back what was acknowledged (14370;
 * repaired in 3.4.21 and 3.5.5). Both clusters must still serve the same.
 */
export function mayLoseAcknowledged(release: string, memberCount: number): boolean {
  const [major = 0, minor = 0, patch = 0] = release.split('.').map(Number);
  if (memberCount > 1 || major !== 3) return false;
  return minor < 4 || (minor === 4 && patch < 21) || (minor === 5 && patch < 5);
}

/** Does the exchange of a seed. Throws InputError when a real etcd cannot be driven at all. */
export async function exchangeSeed(options: ExchangeOptions): Promise<ExchangeResult> {
  for (let tryCount = 1; ; tryCount++) {
    const folder = mkdtempSync(join(temporaryRoot(), 'etcdsim-exchange-'));
    const watchdog = startWatchdog(folder);
    try {
      return await exchangeIn(options, folder, watchdog);
    } catch (error) {
      if (!(error instanceof PortTaken) || tryCount === PORT_TRIES_MAX) throw error;
    } finally {
      watchdog.close();
    }
  }
}

/** A cluster that was driven and has crashed. */
interface Crashed {
  readonly dataDirs: DataDirs;
  readonly driven: Driven;
  readonly inFlightCount: number;
  readonly inFlightAnswered: number;
}

/** What both kinds of members are started with. */
interface Start extends ClusterAddresses {
  readonly etcd: EtcdBinary;
  readonly watchdog: Watchdog;
  readonly folder: string;
  readonly sequence: Sequence;
  readonly seed: number;
  readonly codec: Codec;
}

async function exchangeIn(options: ExchangeOptions, folder: string, watchdog: Watchdog): Promise<ExchangeResult> {
  const {etcd, direction, seed, tamper} = options;
  const sequence = drawSequence(seed, etcd.release, direction);
  const addresses = await drawAddresses(sequence.memberCount);
  const start: Start = {...addresses, etcd, watchdog, folder, sequence, seed, codec: loadCodec()};
  const crashed = direction === 'real -> simulated' ? await driveReal(start) : await driveSimulated(start);
  const {driven, dataDirs} = crashed;
  const isDurable = !mayLoseAcknowledged(etcd.release, sequence.memberCount);
  const acknowledgedRevision = isDurable ? driven.shared.headRevision : 0;
  const look = {acknowledgedRevision, isExact: sequence.memberCount === 1};
  const real = await served('real', () => observeReal(start, tamper?.(dataDirs) ?? dataDirs, look));
  const simulated = await served('simulated', () => observeSimulated(start, dataDirs, look));
  const {revision, compactRevision, counts} = real.observation ?? {};
  return {
    seed,
    release: etcd.release,
    direction,
    memberCount: sequence.memberCount,
    crashes: sequence.crashes,
    calls: {
      ok: driven.okCount,
      refused: driven.refusedCount,
      inFlight: crashed.inFlightCount,
      inFlightAnswered: crashed.inFlightAnswered,
    },
    acknowledgedRevision,
    served:
      counts === undefined
        ? undefined
        : {...counts, revision: must(revision, 'counted'), compactRevision: must(compactRevision, 'counted')},
    tailsDiffer: revision !== simulated.observation?.revision,
    difference: compareServed(real, simulated, look),
  };
}

async function driveReal(start: Start): Promise<Crashed> {
  const {etcd: binary, sequence, folder} = start;
  const members = await startRealMembers({...start, binary, folder, snapshotCount: sequence.snapshotCount});
  const {driven, inFlight} = await driveAll(start, startDriving(members.world, start.codec));
  await members.kill();
  const inFlightAnswered = inFlight.settle();
  const dataDirs = new Map(start.members.map(({name}) => [name, readDataDir(join(folder, name))] as const));
  return {dataDirs, driven, inFlightCount: inFlight.count, inFlightAnswered};
}

async function driveSimulated(start: Start): Promise<Crashed> {
  const {etcd, sequence, members, clusterToken, seed} = start;
  const {snapshotCount} = sequence;
  const sim = startSimMembers({members, clusterToken, release: etcd.release, seed, snapshotCount});
  const {driven, inFlight} = await driveAll(start, startDriving(sim.world, start.codec));
  const dataDirs = sim.crash(sequence.crashes);
  return {dataDirs, driven, inFlightCount: inFlight.count, inFlightAnswered: inFlight.settle()};
}

async function driveAll({sequence}: Start, driven: Driven): Promise<{driven: Driven; inFlight: InFlight}> {
  await learnMembers(driven);
  await drive(driven, sequence.calls);
  return {driven, inFlight: await beginRounds(driven, sequence.rounds)};
}

/** What a cluster serves, or why it does not. */
type Served =
  | {readonly observation: Observation; readonly death?: undefined}
  | {readonly observation?: undefined; readonly death: string};

type Look = Parameters<typeof observe>[2];

async function served(world: string, act: () => Promise<Observation>): Promise<Served> {
  try {
    return {observation: await act()};
  } catch (thrown) {
    if (thrown instanceof WorldDied && thrown.world === world) return {death: thrown.message};
    throw thrown;
  }
}

async function observeReal(start: Start, dataDirs: DataDirs, look: Look): Promise<Observation> {
  const {etcd: binary, sequence} = start;
  const folder = mkdtempSync(join(start.folder, 'again-'));
  for (const [name, files] of dataDirs) writeDataDir(join(folder, name), files);
  const members = await startRealMembers({...start, binary, folder, snapshotCount: sequence.snapshotCount});
  try {
    const observation = await observe(members.world, start.codec, look);
    checkSaysSomething(members.world, observation);
    return observation;
  } finally {
    await members.kill();
  }
}

async function observeSimulated(start: Start, dataDirs: DataDirs, look: Look): Promise<Observation> {
  const {etcd, sequence, members, clusterToken, seed} = start;
  const sim = startSimMembers({
    members,
    clusterToken,
    release: etcd.release,
    seed: Random.fromSeed(seed)
      .stream('exchange/second-life')
      .below(2 ** 31),
    snapshotCount: sequence.snapshotCount,
    dataDirs,
  });
  return observe(sim.world, start.codec, look);
}

/** The first difference, if there is one. */
export function compareServed(real: Served, simulated: Served, look: Look): ExchangeDifference | undefined {
  if (real.observation === undefined || simulated.observation === undefined) {
    return {field: 'start', real: real.death ?? 'serves', simulated: simulated.death ?? 'serves'};
  }
  const [left, right] = [real.observation, simulated.observation];
  if (left.revision < look.acknowledgedRevision || right.revision < look.acknowledgedRevision) {
    return {
      field: `acknowledged revision ${look.acknowledgedRevision} is kept`,
      real: left.revision,
      simulated: right.revision,
    };
  }
  for (const part of COMPARED_PARTS) {
    if (part === 'current' && !look.isExact && left.revision !== right.revision) continue;
    const mismatch = firstMismatch(left[part], right[part], part);
    if (mismatch === undefined) continue;
    return {field: mismatch.path, real: mismatch.left ?? null, simulated: mismatch.right ?? null};
  }
  for (const [id, ttl] of left.ttls) {
    const other = right.ttls.get(id) ?? Number.NaN;
    if (!(Math.abs(ttl - other) <= TTL_TOLERANCE_SECONDS))
      return {field: `leases.lease${id}.TTL`, real: ttl, simulated: other};
  }
  return undefined;
}
