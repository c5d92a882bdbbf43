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
    if (certain.has(operation) || !mayClaim(evidence, operation, revision)) continue;
    if (!seen.every((kv) => putsPair(operation, kv))) continue;
    const {request} = operation;
    if (request.kind === 'put' && !evidence.canHaveChanged(request.key, revision)) continue;
    const changes = evaluate(store, request)?.changes ?? [];
    const fits = changes.length > 0 && showsPairs(changes, seen) && mayAllBecome(evidence, changes, revision);
    if (fits && !used.has(operation)) fitting.push({operation, changes});
    else if (fits || taint.touches(request)) elsewhere.push(operation);
  }
  return {fitting, elsewhere};
}

/** The most promising candidate: one whose key is known to lack a put, else one whose key is never seen again. */
export function mostPromising({evidence, store}: HoleContext, fitting: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  let bestScore = -1;
  for (const candidate of fitting) {
    let score = 0;
    for (const {key, kv} of candidate.changes) {
      if (kv !== undefined && evidence.missingPuts(key, store.get(key), store.revision + 1) > 0) score += 2;
      if (!evidence.isSeenFrom(key, store.revision + 1)) score += 1;
    }
    if (score > bestScore) {
      bestScore = score;
      best = candidate;
    }
  }
  return best;
}

/** Can any one of the candidates stand for all of them? */
export function areTwins(evidence: Evidence, fitting: readonly Candidate[]): boolean {
  const [first] = fitting;
  const twin = first && evidence.twinKey(first.operation);
  return twin !== undefined && fitting.every(({operation}) => evidence.twinKey(operation) === twin);
}

/** Do the changes make exactly the pairs that answers saw at this revision? */
export function showsPairs(changes: readonly KvChange[], seen: readonly KeyValue[]): boolean {
  return seen.every((kv) => {
    const change = changes.find(({key}) => key === kv.key)?.kv;
    return (
      change !== undefined &&
      change.value === kv.value &&
      change.version === kv.version &&
      change.createRevision === kv.createRevision
    );
  });
}

/** Is the operation not known to have made another revision? */
export function mayClaim(evidence: Evidence, operation: Operation, revision: number): boolean {
  const claim = evidence.claimOf(operation);
  return claim === undefined || claim === revision;
}

function mayAllBecome(evidence: Evidence, changes: readonly KvChange[], revision: number): boolean {
  return changes.every(({key, kv}) => evidence.mayBecome(key, kv, revision));
}

function putsPair(operation: Operation, kv: KeyValue): boolean {
  let puts = false;
  forEachPut(operation.request, (key, value) => {
    if (key === kv.key && value === kv.value) puts = true;
  });
  return puts;
}
