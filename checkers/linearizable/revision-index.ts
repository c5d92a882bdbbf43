// checkers/linearizable/revision-index.ts: answered operations placed by the revision in their header.
// etcd tells the order: a write that changed something has a revision of its own, everything else saw the store at the
// revision it names. Position of a write of revision r: 2r, of a read at it: 2r + 1. What this file checks needs no
// replay: a revision belongs to one write, and positions agree with real time (n log n for the sorting, then one pass).
import {isReadOnly, type KvResponse, type Operation} from '../../history/operation.ts';
import {describeOperation} from '../models/describe-operation.ts';
import {isEffective} from '../models/etcd-kv.ts';
import {isSerializableRead} from '../models/etcd-search.ts';

/** A promise broken, with the operations that show it; the first is the one that cannot be placed. */
export interface Violation {
  readonly message: string;
  readonly operations: readonly number[];
  /** Partial linearizations around it, as operation ids. */
  readonly linearizations: readonly (readonly number[])[];
}

/** An answered operation with its answer at hand. */
export interface Answered {
  readonly operation: Operation;
  readonly response: KvResponse;
  /** Revision minus the base revision. */
  readonly offset: number;
  readonly isWrite: boolean;
  /** A serializable read: it may be old, so nothing that returned before it binds it. */
  readonly mayBeOld: boolean;
  readonly callUs: number;
  readonly returnUs: number;
}

/** A history by revision. Offsets count from the base revision (offset 0: before the first write). */
export interface RevisionIndex {
  readonly baseRevision: number;
  /** The highest offset anyone was told of. */
  readonly span: number;
  readonly answered: readonly Answered[];
  /** By offset: the place in `answered` of the write, or -1: a hole that some unanswered write must have made. */
  readonly writeAt: Int32Array;
  /** Reads at offset o: places reads[readsFrom[o]] up to reads[readsFrom[o + 1]]. */
  readonly readsFrom: Int32Array;
  readonly reads: Int32Array;
  /** By offset: no write at it can have begun later than this. */
  readonly deadlineUs: Float64Array;
  /** By offset: holes at offsets up to and with it. */
  readonly holeCount: Int32Array;
  /** Writes whose outcome nobody knows, in order of calls. */
  readonly unknowns: readonly Operation[];
}

export interface IndexOptions {
  readonly baseRevision: number;
  /** Are serializable reads placed too? */
  readonly withSerializable: boolean;
}

/** Places a history's operations, or says what keeps them from having places. */
export function buildIndex(
  operations: readonly Operation[],
  options: IndexOptions,
): {readonly index: RevisionIndex} | {readonly violation: Violation} {
  const {answered, unknowns} = classify(operations, options);
  let span = 0;
  let writeCount = 0;
  let newest: Answered | undefined;
  for (const entry of answered) {
    if (entry.offset < (entry.isWrite ? 1 : 0)) {
      return violation(`${nameOf(entry)} names a revision before the first write`, [entry]);
    }
    if (entry.isWrite) writeCount++;
    if (entry.offset > span || newest === undefined) {
      span = entry.offset;
      newest = entry;
    }
  }
  if (span > writeCount + unknowns.length && newest !== undefined) {
    const possible = options.baseRevision + writeCount + unknowns.length;
    return violation(`${nameOf(newest)}, but no more writes were asked for than lead to revision ${possible}`, [
      newest,
    ]);
  }
  const writeAt = new Int32Array(span + 1).fill(-1);
  for (const [place, entry] of answered.entries()) {
    if (!entry.isWrite) continue;
    const other = writeAt[entry.offset] as number;
    if (other >= 0) {
      const first = answered[other] as Answered;
      return violation(`two writes have one revision: ${nameOf(first)}; ${nameOf(entry)}`, [entry, first]);
    }
    writeAt[entry.offset] = place;
  }
  const broken = checkRealTime(answered) ?? checkNotFromTheFuture(answered, writeAt);
  if (broken !== undefined) return {violation: broken};
  const {reads, readsFrom} = readsByOffset(answered, span);
  const holeCount = new Int32Array(span + 1);
  for (let offset = 1; offset <= span; offset++) {
    holeCount[offset] = (holeCount[offset - 1] as number) + (writeAt[offset] === -1 ? 1 : 0);
  }
  const {baseRevision} = options;
  const deadlineUs = deadlines(answered, span);
  return {index: {baseRevision, span, answered, writeAt, readsFrom, reads, deadlineUs, holeCount, unknowns}};
}

function classify(operations: readonly Operation[], {baseRevision, withSerializable}: IndexOptions) {
  const answered: Answered[] = [];
  const unknowns: Operation[] = [];
  for (const operation of operations) {
    const {outcome} = operation;
    if (outcome.kind !== 'ok') {
      const isUnknown = outcome.kind === 'open' || outcome.effect === 'unknown';
      if (isUnknown && !isReadOnly(operation.request)) unknowns.push(operation);
      continue;
    }
    const mayBeOld = isSerializableRead(operation);
    if (mayBeOld && !withSerializable) continue;
    const {response} = outcome;
    answered.push({
      operation,
      response,
      offset: response.revision - baseRevision,
      isWrite: isEffective(response),
      mayBeOld,
      callUs: operation.callUs,
      returnUs: operation.returnUs ?? Number.POSITIVE_INFINITY,
    });
  }
  unknowns.sort((a, b) => a.callUs - b.callUs || a.id - b.id);
  return {answered, unknowns};
}

/** No operation that returned before another was called may have a later position. Equal times are concurrent. */
function checkRealTime(answered: readonly Answered[]): Violation | undefined {
  const byCall = sortedPlaces(answered, (entry) => entry.callUs);
  const byReturn = sortedPlaces(answered, (entry) => entry.returnUs);
  let latest: Answered | undefined;
  let latestPosition = -1;
  let next = 0;
  for (const place of byCall) {
    const entry = answered[place] as Answered;
    for (; next < byReturn.length; next++) {
      const returned = answered[byReturn[next] as number] as Answered;
      if (returned.returnUs >= entry.callUs) break;
      const position = positionOf(returned);
      if (returned.mayBeOld || position <= latestPosition) continue;
      latestPosition = position;
      latest = returned;
    }
    if (latest === undefined || entry.mayBeOld || positionOf(entry) >= latestPosition) continue;
    return {
      message: `${nameOf(entry)} was called after the return of a later one: ${nameOf(latest)}`,
      operations: [entry.operation.id, latest.operation.id],
      linearizations: [[latest.operation.id]],
    };
  }
  return undefined;
}

/** Not even a serializable read shows a write that nobody had asked for yet. (For other reads real time says so already.) */
function checkNotFromTheFuture(answered: readonly Answered[], writeAt: Int32Array): Violation | undefined {
  if (!answered.some((entry) => entry.mayBeOld)) return undefined;
  const lastCalled = new Int32Array(writeAt.length).fill(-1);
  let last = -1;
  for (let offset = 1; offset < writeAt.length; offset++) {
    const place = writeAt[offset] as number;
    if (place >= 0 && (last < 0 || (answered[place] as Answered).callUs > (answered[last] as Answered).callUs))
      last = place;
    lastCalled[offset] = last;
  }
  for (const entry of answered) {
    if (!entry.mayBeOld) continue;
    const place = lastCalled[entry.offset] as number;
    if (place < 0) continue;
    const write = answered[place] as Answered;
    if (write.callUs <= entry.returnUs) continue;
    return {
      message: `${nameOf(entry)} returned before one at or below its revision was called: ${nameOf(write)}`,
      operations: [entry.operation.id, write.operation.id],
      linearizations: [],
    };
  }
  return undefined;
}

function readsByOffset(answered: readonly Answered[], span: number) {
  const readsFrom = new Int32Array(span + 2);
  for (const entry of answered) {
    if (!entry.isWrite) readsFrom[entry.offset + 1] = (readsFrom[entry.offset + 1] as number) + 1;
  }
  for (let offset = 0; offset <= span; offset++) {
    readsFrom[offset + 1] = (readsFrom[offset + 1] as number) + (readsFrom[offset] as number);
  }
  const reads = new Int32Array(readsFrom[span + 1] as number);
  const filled = readsFrom.slice();
  for (const [place, entry] of answered.entries()) {
    if (entry.isWrite) continue;
    reads[filled[entry.offset] as number] = place;
    filled[entry.offset] = (filled[entry.offset] as number) + 1;
  }
  return {reads, readsFrom};
}

/** The earliest return of anything at or behind each offset. */
function deadlines(answered: readonly Answered[], span: number): Float64Array {
  const deadlineUs = new Float64Array(span + 1).fill(Number.POSITIVE_INFINITY);
  for (const {offset, returnUs} of answered) {
    if (returnUs < (deadlineUs[offset] as number)) deadlineUs[offset] = returnUs;
  }
  for (let offset = span - 1; offset >= 0; offset--) {
    deadlineUs[offset] = Math.min(deadlineUs[offset] as number, deadlineUs[offset + 1] as number);
  }
  return deadlineUs;
}

function positionOf(entry: Answered): number {
  return entry.offset * 2 + (entry.isWrite ? 0 : 1);
}

/** As `operation 7 of client 2 (put a=1 -> ok at revision 9)`. */
export function nameOf({operation}: {readonly operation: Operation}): string {
  return `operation ${operation.id} of client ${operation.client} (${describeOperation(operation)})`;
}

function violation(message: string, entries: readonly Answered[]): {readonly violation: Violation} {
  return {violation: {message, operations: entries.map((entry) => entry.operation.id), linearizations: []}};
}

/** Places sorted by a time, then by place; a list in order already costs one look. */
function sortedPlaces(answered: readonly Answered[], timeOf: (entry: Answered) => number): Int32Array {
  const times = new Float64Array(answered.length);
  const places = new Int32Array(answered.length);
  let isSorted = true;
  for (const [place, entry] of answered.entries()) {
    times[place] = timeOf(entry);
    places[place] = place;
    if (place > 0 && (times[place] as number) < (times[place - 1] as number)) isSorted = false;
  }
  return isSorted ? places : places.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
}
