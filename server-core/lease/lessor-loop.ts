// server-core/lease/lessor-loop.ts: the primary's look, twice a second, for expired leases and due checkpoints. etcd: runLoop.
// The loop sleeps over every look that would find nothing: it wakes on the 500 ms grid at the first point at which something is
// due. What is seen of it is the same; a follower's loop, or one without leases, costs nothing.
import type {Env} from '../../env/env.ts';
import type {Fiber, Task, Wait} from '../../env/fiber.ts';
import type {LeaseCheckpoint} from '../etcdserverpb/lease-messages.ts';
import type {Lessor} from './lessor.ts';
import {LOOK_INTERVAL_US} from './lessor.ts';

/** Checkpoints in one entry of the log. etcd: maxLeaseCheckpointBatchSize. */
const CHECKPOINT_BATCH_MAX = 1_000;
/** Batches of one look: half of leaseCheckpointRate, which counts batches although its name says leases. */
const CHECKPOINT_ROUNDS_MAX = 500;

/** Runs as long as the member does. */
export function* runLessor(env: Pick<Env, 'clock'>, lessor: Lessor): Fiber<never> {
  const isTicker = lessor.options.behaviours.lookPacing === 'ticker';
  let gridUs = env.clock.monotonicUs();
  for (;;) {
    const startedUs = env.clock.monotonicUs();
    reportExpired(lessor);
    yield* sendCheckpoints(lessor);
    const endedUs = env.clock.monotonicUs();
    // A pause is counted from the end of the work; a ticker keeps one tick that the work has missed.
    if (!isTicker) gridUs = endedUs;
    const missedTick = pointsUpTo(gridUs, endedUs) > pointsUpTo(gridUs, startedUs);
    if (!(isTicker && missedTick && isDue(lessor, endedUs))) yield* sleepToNextLook(env, lessor, gridUs);
  }
}

function pointsUpTo(gridUs: number, atUs: number): number {
  return Math.floor((atUs - gridUs) / LOOK_INTERVAL_US);
}

function isDue(lessor: Lessor, nowUs: number): boolean {
  const dueUs = lessor.dueUs();
  return dueUs !== undefined && dueUs <= nowUs;
}

/** Parks up to the first point of the grid, behind now, at which something is due; that may change meanwhile. */
function* sleepToNextLook(env: Pick<Env, 'clock'>, lessor: Lessor, gridUs: number): Fiber<void> {
  let nextUs = nextLook(env, lessor, gridUs);
  const wait: Wait = {
    park: (task: Task) => {
      lessor.changes.park(task);
      if (nextUs !== Number.POSITIVE_INFINITY) task.wakeAt(nextUs);
    },
  };
  while (env.clock.monotonicUs() < nextUs) {
    lessor.nextLookUs = nextUs;
    yield wait;
    if (env.clock.monotonicUs() < nextUs) nextUs = nextLook(env, lessor, gridUs);
  }
  lessor.nextLookUs = 0;
}

function nextLook(env: Pick<Env, 'clock'>, lessor: Lessor, gridUs: number): number {
  const dueUs = lessor.dueUs();
  if (dueUs === undefined) return Number.POSITIVE_INFINITY;
  const nextPoint = pointsUpTo(gridUs, env.clock.monotonicUs()) + 1;
  return gridUs + Math.max(nextPoint, Math.ceil((dueUs - gridUs) / LOOK_INTERVAL_US)) * LOOK_INTERVAL_US;
}

/** Where the server is busy with earlier batches this one is dropped; its leases come again after the retry interval. */
function reportExpired(lessor: Lessor): void {
  const ids = lessor.findExpired();
  if (ids.length > 0) lessor.expired.trySend(ids);
}

function* sendCheckpoints(lessor: Lessor): Fiber<void> {
  const send = lessor.sendCheckpoints;
  if (send === undefined) return;
  let batch: readonly LeaseCheckpoint[] = [];
  for (let round = 0; round < CHECKPOINT_ROUNDS_MAX; round++) {
    // PR 14087: a full batch stayed in hand, and was sent again and again once the member no longer led.
    if (lessor.options.behaviours.dropsSentCheckpoints) batch = [];
    if (lessor.isPrimary) batch = lessor.findDueCheckpoints(CHECKPOINT_BATCH_MAX);
    if (batch.length > 0 && (yield* send({checkpoints: batch})) !== undefined) return;
    if (batch.length < CHECKPOINT_BATCH_MAX) return;
  }
}
