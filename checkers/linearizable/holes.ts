// checkers/linearizable/holes.ts: which unanswered write can have made a revision that no answered write claims.
// Candidates are sorted into those that fit the store as replayed, and those that might fit it in another order (they
// touch a tainted key, or were chosen for another hole). Everything else is excluded for certain.
import type {KeyValue, Operation} from '../../history/operation.ts';
import {evaluate, type KvChange} from '../models/etcd-kv.ts';
import type {ReplayStore} from '../models/replay-store.ts';
import {type Evidence, forEachPut} from './evidence.ts';
import type {RevisionIndex} from './revision-index.ts';
import type {Taint} from './taint.ts';

/** An unanswered write and what it would change here. */
export interface Candidate {
  readonly operation: Operation;
  readonly changes: readonly KvChange[];
}

export interface Candidates {
  readonly fitting: readonly Candidate[];
  /** Might fit if earlier choices had gone otherwise. */
  readonly elsewhere: readonly Operation[];
}

export interface HoleContext {
  readonly index: RevisionIndex;
  readonly evidence: Evidence;
  readonly store: ReplayStore;
  readonly taint: Taint;
  /** Operations that fill another hole in every order. */
  readonly certain: ReadonlyMap<Operation, number>;
  /** Operations in use as the replay stands. */
  readonly used: ReadonlyMap<Operation, number>;
}

/** Finds who can have made the revision at this offset, on top of the store as it stands. */
export function findCandidates(context: HoleContext, offset: number): Candidates {
  const {index, evidence, store, taint, certain, used} = context;
  const revision = index.baseRevision + offset;
  const seen = evidence.at(revision);
  const deadlineUs = index.deadlineUs[offset] as number;
  const fitting: Candidate[] = [];
  const elsewhere: Operation[] = [];
  for (const operation of seen.length > 0 ? evidence.puttersOf(seen[0] as KeyValue) : index.unknowns) {
    if (operation.callUs > deadlineUs) break; // in order of calls
    if ((certain.get(operation) ?? offset) !== offset || !mayClaim(evidence, operation, revision)) continue;
    if (!seen.every((kv) => putsPair(operation, kv))) continue;
    const {request} = operation;
    if (request.kind === 'put' && !evidence.canHaveChanged(request.key, revision)) continue;
    const changes = evaluate(store, request)?.changes ?? [];
    const fits = changes.length > 0 && evidence.shows(changes, revision);
    if (fits && !used.has(operation)) fitting.push({operation, changes});
    else if (fits || taint.touches(request)) elsewhere.push(operation);
  }
  return {fitting, elsewhere};
}

/**
 * The candidates worth trying, best first, one of each kind of twins. Best is what makes something known to be missing,
 * earliest due first (for single jobs with due times no other order succeeds where this one fails); then what is never
 * seen again.
 */
export function rankCandidates({evidence, store}: HoleContext, fitting: readonly Candidate[]): Candidate[] {
  const revision = store.revision + 1;
  const twins = new Set<string>();
  const ranked: {readonly candidate: Candidate; readonly due: number}[] = [];
  for (const candidate of fitting) {
    const twin = evidence.twinKey(candidate.operation);
    if (twin !== undefined && twins.has(twin)) continue;
    if (twin !== undefined) twins.add(twin);
    let due = Number.POSITIVE_INFINITY;
    let isSeen = false;
    for (const {key, kv} of candidate.changes) {
      due = Math.min(due, evidence.dueRevision(key, store.get(key), kv, revision));
      if (evidence.isSeenFrom(key, revision)) isSeen = true;
    }
    if (due === Number.POSITIVE_INFINITY) due = isSeen ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER;
    ranked.push({candidate, due});
  }
  ranked.sort((a, b) => a.due - b.due); // stable: equal ones stay in order of calls
  return ranked.map(({candidate}) => candidate);
}

/** Can any one of the candidates stand for all of them? */
export function areTwins(evidence: Evidence, fitting: readonly Candidate[]): boolean {
  const [first] = fitting;
  const twin = first && evidence.twinKey(first.operation);
  return twin !== undefined && fitting.every(({operation}) => evidence.twinKey(operation) === twin);
}

/** Is the operation not known to have made another revision? */
export function mayClaim(evidence: Evidence, operation: Operation, revision: number): boolean {
  const claim = evidence.claimOf(operation);
  return claim === undefined || claim === revision;
}

function putsPair(operation: Operation, kv: KeyValue): boolean {
  let puts = false;
  forEachPut(operation.request, (key, value) => {
    if (key === kv.key && value === kv.value) puts = true;
  });
  return puts;
}
