// live/compare/shrink.ts: makes a plan that shows a difference as small as the budget allows.
// First the plan is cut behind the difference, then only its last operations are tried, then parts are left out, and at last
// each operation is asked (fast-check) for smaller ones. Every try runs on fresh clusters, so tries are counted and timed.
// Promise: what comes out shows a difference of the same RPC; it is the smallest that was seen, not the smallest there is.
import type {DrawnOp} from '../generator/draw-plan.ts';
import type {Op} from '../plan.ts';

export interface ShrinkBudget {
  readonly triesMax: number;
  readonly msMax: number;
}

export const SHRINK_BUDGET: ShrinkBudget = {triesMax: 60, msMax: 60_000};

export interface Shrunk {
  readonly plan: readonly DrawnOp[];
  readonly tries: number;
  /** The budget ended before the search did. */
  readonly stoppedEarly: boolean;
}

interface Search {
  best: readonly DrawnOp[];
  tries: number;
  stopped: boolean;
  /** Takes the candidate as the best where it still fails. */
  attempt(candidate: readonly DrawnOp[]): Promise<boolean>;
}

/** How many of the last operations are tried alone, before anything else. */
const TAILS = [4, 12, 40, 120, 400];

/** `fails` runs a plan and says whether the difference is still there; `now` is in milliseconds. */
export async function shrinkPlan(
  plan: readonly DrawnOp[],
  fails: (plan: readonly Op[]) => Promise<boolean>,
  now: () => number,
  {triesMax, msMax}: ShrinkBudget = SHRINK_BUDGET,
): Promise<Shrunk> {
  const startedMs = now();
  const search: Search = {
    best: plan,
    tries: 0,
    stopped: false,
    async attempt(candidate) {
      if (search.tries >= triesMax || now() - startedMs >= msMax) search.stopped = true;
      if (search.stopped) return false;
      search.tries++;
      const failed = await fails(candidate.map(({op}) => op));
      if (failed) search.best = candidate;
      return failed;
    },
  };
  await tryTails(search);
  await leaveOut(search);
  await openGroups(search);
  await simplify(search);
  return {plan: search.best, tries: search.tries, stoppedEarly: search.stopped};
}

async function tryTails(search: Search): Promise<void> {
  const {best} = search;
  for (const count of TAILS) {
    if (count >= best.length) return;
    if (await search.attempt(best.slice(-count))) return;
  }
}

/** Leaves out ever smaller parts, the earliest first; the last operation, which shows the difference, stays. */
async function leaveOut(search: Search): Promise<void> {
  for (let size = Math.ceil((search.best.length - 1) / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < search.best.length - 1 && !search.stopped; ) {
      const end = Math.min(at + size, search.best.length - 1);
      const without = [...search.best.slice(0, at), ...search.best.slice(end)];
      if (!(await search.attempt(without))) at += size;
    }
    if (search.stopped) return;
  }
}

/** Groups become single operations, of which some can go. */
async function openGroups(search: Search): Promise<void> {
  if (search.best.every(({op}) => op.op !== 'group')) return;
  const opened = search.best.flatMap((drawn) =>
    drawn.op.op === 'group' ? drawn.op.ops.map((op): DrawnOp => ({op, smaller: () => []})) : [drawn],
  );
  if (await search.attempt(opened)) await leaveOut(search);
}

/** Asks each operation for smaller ones, the last first: that is the one that shows the difference. */
async function simplify(search: Search): Promise<void> {
  for (let at = search.best.length - 1; at >= 0; at--) {
    for (let progress = true; progress && !search.stopped; ) {
      progress = false;
      for (const smaller of search.best[at]?.smaller() ?? []) {
        progress = await search.attempt(search.best.map((drawn, index) => (index === at ? smaller : drawn)));
        if (progress || search.stopped) break;
      }
    }
  }
}
