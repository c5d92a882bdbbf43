// scenarios/background-traffic.ts: clients that watch, and clients that hold leases, beside those of traffic.ts that read and write.
// A watcher keeps one watch open at a time and notes what it is told, for checkers/watch. A lease holder grants leases, keeps them
// alive for a while and lets them go or revokes them. No keys hang on its leases: a lease's end takes a revision that no client asked
// for, and the check of histories by revision does not know of it.
import type {Random} from '../base/random.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import {after, select, sleepUs} from '../env/fiber.ts';
import type {WatchLogRequest} from '../history/watch-log.ts';
import type {Client} from '../server-core/client/client.ts';
import {LeaseClient} from '../server-core/client/lease-client.ts';
import type {KnownFields} from '../server-core/mvcc/known-fields.ts';
import type {WatchRecording} from './errata/evidence.ts';
import {recordWatch} from './errata/record-watch.ts';

/** Between two watches of one client, and two leases. */
const PAUSE_US = 200_000;
const LEASE_TTL_SECONDS_MIN = 2;
const LEASE_TTL_SECONDS_MAX = 8;

export interface WatcherOptions {
  readonly client: Client;
  readonly keyCount: number;
  readonly nowUs: () => number;
  /** Begins the record of a watch. */
  readonly open: (request: WatchLogRequest) => WatchRecording;
  readonly isOver: () => boolean;
  /** What the oldest release of the run knows of requests; undefined: everything. */
  readonly known: KnownFields | undefined;
}

/** The program of one watching client: watch behind watch, as long as the run goes on. */
export function* watcherProgram(env: Env, options: WatcherOptions): Fiber<void> {
  const {client, keyCount, nowUs, open, isOver, known} = options;
  const random = env.random.stream('watches');
  client.start();
  while (!isOver()) {
    yield* recordWatch(client, open(asKnown(known, drawWatch(random, keyCount))), nowUs);
    yield* sleepUs(env.clock, PAUSE_US);
  }
}

function drawWatch(random: Random, keyCount: number): WatchLogRequest {
  const where = random.below(3) === 0 ? {key: `k${random.below(keyCount)}`} : {key: 'k', rangeEnd: 'l'};
  return {
    ...where,
    // From the beginning it may be told that what it wants was compacted; then from now on.
    startRevision: random.below(4) === 0 ? 1 : 0,
    prevKv: random.below(2) === 0,
    progressNotify: random.below(2) === 0,
    filters: random.below(4) === 0 ? [random.pick(['no-put', 'no-delete'] as const)] : [],
  };
}

/** The watch as a client of that release would ask for it. */
function asKnown(known: KnownFields | undefined, watch: WatchLogRequest): WatchLogRequest {
  if (known === undefined) return watch;
  return {...watch, prevKv: watch.prevKv && known.prevKv, filters: known.watchFilters ? watch.filters : []};
}

/** The program of one client that holds leases. */
export function* leaseHolderProgram(env: Env, client: Client, isOver: () => boolean): Fiber<void> {
  const random = env.random.stream('leases');
  const leases = new LeaseClient(client);
  client.start();
  while (!isOver()) {
    const ttl = random.between(LEASE_TTL_SECONDS_MIN, LEASE_TTL_SECONDS_MAX);
    const granted = yield* leases.grant(ttl);
    yield* sleepUs(env.clock, PAUSE_US);
    if (granted.kind === 'error') continue;
    const {id} = granted.response;
    const keeper = leases.keepAlive(id);
    const over = after(env.clock, random.between(1, 3 * ttl) * 1_000_000);
    for (;;) {
      const next = yield* select(env, {event: keeper.receive, over});
      if (next.kind === 'over' || next.value.kind === 'ended') break;
    }
    keeper.cancel();
    env.trace.mark('traffic: a lease was kept alive');
    if (random.below(2) === 0) yield* leases.revoke(id);
  }
  leases.close();
}
