// scenarios/plan.ts: a run as data: what will happen, when, to whom. Drawn once from a seed, then executed; a saved plan outlives
// changes to the generators, and shrinking edits it. The zod definition is the only one: type, check and JSON Schema come from it.
// Times are whole microseconds of virtual time from the start of the run; odds are ratios of whole numbers.
import {z} from 'zod';
import {InputError} from '../base/input-error.ts';
import {compareReleases, releaseOf} from '../server-core/release/release.ts';
import type {FlagOutcome, Flags} from '../server-core/server/qualify-flags.ts';
import {isInScope, qualifyFlags, scopesOf} from '../server-core/server/qualify-flags.ts';
import {startBehaviours} from '../server-core/server/start-flags.ts';
import {checkHistory} from './life/histories.ts';
import {checkSteps, releaseSchema, stepSchema} from './life/steps.ts';

export const PLAN_VERSION = 1;

/** How the name of a history begins that goes through releases. */
const CAME_FROM = 'came-from:';

/** In a plan with discovery no fault begins before: the cluster that is asked has to be there. Microseconds. */
export const REGISTRY_READY_US = 1_000_000;

const us = z.int().min(0);
const positive = z.int().min(1);

/** Whom a fault hits; resolved when it happens, with the nemesis stream where there is a choice. */
const target = z.discriminatedUnion('who', [
  z.strictObject({who: z.literal('leader')}),
  z.strictObject({who: z.literal('followers'), count: positive}),
  z.strictObject({who: z.literal('members'), count: positive}),
  z.strictObject({who: z.literal('all')}),
]);

const lasting = {atUs: us, durationUs: us};

const fault = z.discriminatedUnion('kind', [
  /** SIGKILL, started again after durationUs. */
  z.strictObject({kind: z.literal('kill'), ...lasting, target}),
  /** What was not fsynced is lost; started again after durationUs. */
  z.strictObject({kind: z.literal('power-off'), ...lasting, target}),
  /** SIGSTOP and SIGCONT. */
  z.strictObject({kind: z.literal('pause'), ...lasting, target}),
  /** The target alone on one side (isolate), or each shape around it. Clients keep reaching everybody unless clientsToo. */
  z.strictObject({
    kind: z.literal('partition'),
    ...lasting,
    target,
    shape: z.enum(['isolate', 'one-way-in', 'one-way-out', 'halves', 'bridge', 'ring']),
    clientsToo: z.boolean(),
  }),
  /** Links to and from the target get slow and lossy: extra latency, and one frame in lossOneIn retransmitted (0: none). */
  z.strictObject({kind: z.literal('bad-link'), ...lasting, target, latencyUs: us, lossOneIn: z.int().min(0)}),
  /** Frames to the target pile up and arrive in one burst. */
  z.strictObject({kind: z.literal('clog'), ...lasting, target}),
  /** Every connection of the target is reset at once. durationUs is 0. */
  z.strictObject({kind: z.literal('reset-connections'), ...lasting, target}),
  /** Disk operations take factor times as long. */
  z.strictObject({kind: z.literal('slow-disk'), ...lasting, target, factor: positive}),
  /** Disk operations do not return until it is over. */
  z.strictObject({kind: z.literal('stall-disk'), ...lasting, target}),
  /** fsync fails with EIO: etcd stops; started again when it is over. */
  z.strictObject({kind: z.literal('fsync-error'), ...lasting, target}),
  /** Writes fail with ENOSPC: etcd stops; started again when it is over. */
  z.strictObject({kind: z.literal('disk-full'), ...lasting, target}),
  /** The wall clock jumps (not undone), and the machine's clocks drift meanwhile. */
  z.strictObject({
    kind: z.literal('clock'),
    ...lasting,
    target,
    stepUs: z.int(),
    driftPpm: z.int().min(-100_000).max(100_000),
  }),
  /** The process dies the next time it reaches that place, if it does before it is over; started again then. */
  z.strictObject({
    kind: z.literal('failpoint'),
    ...lasting,
    target,
    name: z.string(),
    how: z.enum(['kill', 'power-off']),
    afterHits: positive,
  }),
]);

const weights = z.strictObject({
  put: z.int().min(0),
  get: z.int().min(0),
  serializableGet: z.int().min(0),
  range: z.int().min(0),
  pastRange: z.int().min(0),
  delete: z.int().min(0),
  deleteRange: z.int().min(0),
  compareAndSwap: z.int().min(0),
  multiTxn: z.int().min(0),
  readOnlyTxn: z.int().min(0),
});

export const planSchema = z.strictObject({
  planVersion: z.literal(PLAN_VERSION),
  scenario: z.string(),
  cluster: z.strictObject({
    memberCount: z.union([z.literal(1), z.literal(3), z.literal(5)]),
    /** What the founders run; steps may replace it. Minors without behaviours of their own are refused. */
    release: releaseSchema,
    tickMs: positive,
    electionTicks: z.int().min(2),
    snapshotCount: positive,
    snapshotCatchUpEntries: positive,
    walSegmentBytes: positive,
    backendBatchLimit: positive,
    /**
     * Flags of etcd's command line by name, without dashes, for every member: {"max-learners": "2"}. `3.6:max-learners` and
     * `3.6.4:…` are for members of that minor or release only. A member whose release refuses them ends as etcd does.
     */
    flags: z.record(z.string(), z.string()).default({}),
    /**
     * How founders find each other: --initial-cluster names all of them, or v3 discovery (3.6 on) against a cluster of its own, which
     * nothing happens to.
     */
    bootstrap: z.enum(['static', 'discovery']).default('static'),
  }),
  world: z.strictObject({
    /** Usual delay of a wake-up, and how often one is starved for how long. */
    schedulingDelayUsMax: positive,
    starvedOneIn: z.int().min(0),
    starvedUsMax: positive,
    linkLatencyUsMin: positive,
    linkLatencyUsSpread: us,
    /** One frame in so many is lost and retransmitted; 0: none. */
    linkLossOneIn: z.int().min(0),
    fsyncUsMin: positive,
    fsyncUsSpread: us,
  }),
  traffic: z.strictObject({
    clientCount: positive,
    keyCount: positive,
    /** Over all clients. 0: each client asks again as soon as it was answered. */
    operationsPerSecond: z.int().min(0),
    valueSizeBytes: positive,
    requestTimeoutUs: positive,
    weights,
    /** Clients that do nothing but watch, and that hold leases without keys. */
    watcherCount: z.int().min(0).default(0),
    leaseHolderCount: z.int().min(0).default(0),
  }),
  faults: z.array(fault),
  /** What the cluster has been through before the path of its scenario begins; a name that people know. */
  history: z.string().default('fresh'),
  /** What an operator does, in order; faults and traffic go on at least until it is done. */
  steps: z.array(stepSchema).default([]),
  /** Faults and traffic go on for so long. */
  safetyUs: positive,
  /** After healing: how long until a leader and progress on every client are demanded. */
  livenessUs: positive,
});

export type Plan = z.infer<typeof planSchema>;
export type Fault = Plan['faults'][number];
export type Target = Fault['target'];
export type TrafficPlan = Plan['traffic'];
export type OperationKind = keyof TrafficPlan['weights'];

/** Names of the members that found the cluster. */
export const founderNames = ({cluster}: Pick<Plan, 'cluster'>): string[] =>
  Array.from({length: cluster.memberCount}, (_, i) => `m${i + 1}`);

/** Releases that members run in the course of the plan, each once, as they come. */
export function releasesOf({cluster, steps}: Pick<Plan, 'cluster' | 'steps'>): string[] {
  const later = steps.flatMap((step) => ('release' in step ? [step.release] : []));
  return [...new Set([cluster.release, ...later])];
}

/** The oldest of them. */
export function oldestReleaseOf(plan: Pick<Plan, 'cluster' | 'steps'>): string {
  return releasesOf(plan).reduce((a, b) => (compareReleases(releaseOf(a), releaseOf(b)) <= 0 ? a : b));
}

/** Checks a plan that was read from somewhere; `place` goes into the InputError. */
export function parsePlan(json: unknown, place: string): Plan {
  const version = (json as {planVersion?: unknown} | null)?.planVersion;
  if (version !== PLAN_VERSION) {
    throw new InputError(`${place}: plan of version ${String(version)}; this etcdsim knows ${PLAN_VERSION}`);
  }
  const result = planSchema.safeParse(json);
  if (result.success) {
    checkHistoryName(result.data, place);
    checkFlags(result.data, place);
    checkBootstrap(result.data, place);
    checkSteps(founderNames(result.data), result.data.steps, place);
    return result.data;
  }
  const [issue] = result.error.issues;
  throw new InputError(`${place}: plan: at ${issue?.path.join('.') || 'the top'}: ${issue?.message ?? 'not a plan'}`);
}

/** Refuses a history that has no name; of one that came from a release, it is the one that the founders run. */
function checkHistoryName({history, cluster}: Plan, place: string): void {
  const origin = `${CAME_FROM}${cluster.release}`;
  if (history === origin) return;
  if (history.startsWith(CAME_FROM)) {
    throw new InputError(`${place}: plan: at history: ${history}, but the founders run ${cluster.release}`);
  }
  try {
    checkHistory(history, cluster.release);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${place}: plan: at history: ${error.message}`) : error;
  }
}

/**
 * Refuses flags that are not simulated for a release that members run, that are for nobody, or with which the founders would not
 * start. Releases that come later may refuse them: their members end then.
 */
function checkFlags(plan: Plan, place: string): void {
  const {cluster} = plan;
  const at = `${place}: plan: at cluster.flags`;
  const releases = releasesOf(plan);
  for (const scope of scopesOf(cluster.flags)) {
    if (!releases.some((release) => isInScope(release, scope))) {
      throw new InputError(`${at}: no member runs ${scope}; they run ${releases.join(', ')}`);
    }
  }
  for (const release of releases) {
    const outcome = qualifyFor(release, cluster.flags, at);
    if (outcome.kind === 'refused' && release === cluster.release) {
      throw new InputError(`${at}: etcd ${release} does not start: ${outcome.message}`);
    }
  }
}

/** v3 discovery needs founders that know it, and a moment without faults. */
function checkBootstrap({cluster, faults}: Plan, place: string): void {
  if (cluster.bootstrap === 'static') return;
  const at = `${place}: plan: at cluster.bootstrap`;
  if (!startBehaviours(cluster.release).hasV3Discovery) {
    throw new InputError(`${at}: etcd ${cluster.release} has no v3 discovery; 3.6 brought it`);
  }
  if (faults.some(({atUs}) => atUs < REGISTRY_READY_US)) {
    throw new InputError(`${at}: with discovery no fault begins before ${REGISTRY_READY_US} us`);
  }
}

function qualifyFor(release: string, flags: Flags, at: string): FlagOutcome {
  try {
    return qualifyFlags(release, flags);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${at}: ${error.message}`) : error;
  }
}
