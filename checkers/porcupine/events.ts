// checkers/porcupine/events.ts: a history's calls and returns in one order, as flat arrays the search can walk.
// Calls are renumbered in order of their beginning. At equal times calls come before returns, so that two operations
// that touch count as concurrent: the lenient reading (Porcupine does the same).
import type {Call} from './model.ts';

/** The position of a return that never came. */
export const NEVER = 0x7fff_ffff;

/** One partition, ready for the search. Index: calls in order of their beginning. */
export interface EventOrder {
  readonly count: number;
  /** Index into the given list of calls. */
  readonly source: Int32Array;
  /** Position of the call among all events. */
  readonly callAt: Int32Array;
  /** Position of the return among all events; NEVER for an unknown outcome. */
  readonly returnAt: Int32Array;
  /** Calls with a return, in order of it. */
  readonly byReturn: Int32Array;
  /**
   * A lane no other call uses between this call and its return. In one lane, calls with a return can only take effect
   * in order, so the parity of how many did, together with the first missing return, tells which.
   */
  readonly lane: Int32Array;
  readonly laneCount: number;
}

/** Sorts calls and returns and gives out lanes. */
export function orderEvents(calls: readonly Call<unknown, unknown>[]): EventOrder {
  const count = calls.length;
  const source = sortedBy(calls, (call) => call.callAt, Int32Array.from(calls.keys()));
  const answered = source.filter((at) => isAnswered(calls[at] as Call<unknown, unknown>));
  // Both lists hold places in `calls`; byReturn gets renumbered below.
  const returns = sortedBy(calls, (call) => call.returnAt ?? 0, answered);
  const number = new Int32Array(count);
  source.forEach((at, i) => {
    number[at] = i;
  });
  const callAt = new Int32Array(count);
  const returnAt = new Int32Array(count).fill(NEVER);
  const lane = new Int32Array(count);
  const freeLanes: number[] = [];
  let laneCount = 0;
  let nextReturn = 0;
  let position = 0;
  for (let i = 0; i < count; i++) {
    const time = (calls[source[i] as number] as Call<unknown, unknown>).callAt;
    while (nextReturn < returns.length) {
      const at = returns[nextReturn] as number;
      if (((calls[at] as Call<unknown, unknown>).returnAt as number) >= time) break;
      const op = number[at] as number;
      returnAt[op] = position++;
      freeLanes.push(lane[op] as number);
      nextReturn++;
    }
    callAt[i] = position++;
    lane[i] = freeLanes.pop() ?? laneCount++;
  }
  for (; nextReturn < returns.length; nextReturn++)
    returnAt[number[returns[nextReturn] as number] as number] = position++;
  return {count, source, callAt, returnAt, byReturn: returns.map((at) => number[at] as number), lane, laneCount};
}

/** Does the call's outcome bind it to a time? */
export function isAnswered(call: Call<unknown, unknown>): boolean {
  return call.output !== undefined && call.returnAt !== undefined;
}

/** Sorts places by a time, then by place; a list that is in order already costs one look. */
function sortedBy(
  calls: readonly Call<unknown, unknown>[],
  timeOf: (call: Call<unknown, unknown>) => number,
  places: Int32Array,
): Int32Array {
  const times = new Float64Array(calls.length);
  for (const at of places) times[at] = timeOf(calls[at] as Call<unknown, unknown>);
  let sorted = true;
  for (let i = 1; i < places.length && sorted; i++) {
    sorted = (times[places[i - 1] as number] as number) <= (times[places[i] as number] as number);
  }
  if (sorted) return places;
  return places.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
}
