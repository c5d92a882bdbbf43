// checkers/watch/persisted-writes.ts: the truth that watches are held against: what the store became, revision by revision.
// It comes from what members applied (scenarios/applied-log.ts), never from an answer to a client. Changes instead of requests, so
// that what a request model cannot know (keys deleted by a lease's end, requests refused when applied) can be in it.
import {compareByteStrings} from '../../base/byte-string.ts';
import type {KeyValue, KvStep} from '../../history/operation.ts';
import {forEachPut} from '../linearizable/evidence.ts';
import {evaluate, type KvChange} from '../models/etcd-kv.ts';
import {ReplayStore} from '../models/replay-store.ts';

/** What one revision changed: every key once. */
export interface PersistedRevision {
  readonly revision: number;
  readonly changes: readonly KvChange[];
}

/** Every revision of a run's store in order, without a hole. */
export interface PersistedWrites {
  /** Nothing is known of changes up to this one; 1 in a fresh store. */
  readonly baseRevision: number;
  /** The live pairs at the base revision. */
  readonly initial: readonly KeyValue[];
  /** baseRevision + 1, + 2, … */
  readonly revisions: readonly PersistedRevision[];
  /** Revisions that were compacted at, in any order; undefined: not known, and then nothing is concluded from compactions. */
  readonly compactions?: readonly number[] | undefined;
}

export interface PersistedBase {
  readonly baseRevision?: number | undefined;
  readonly initial?: readonly KeyValue[] | undefined;
  readonly compactions?: readonly number[] | undefined;
}

/**
 * The truth from the write requests that were applied, in order of the log. Right only where each of them was carried out as the
 * model of the store says (no leases' ends, none refused when applied); undefined when one cannot be carried out at all.
 */
export function persistedFromSteps(steps: readonly KvStep[], base: PersistedBase = {}): PersistedWrites | undefined {
  const {baseRevision = 1, initial = [], compactions} = base;
  const keys = new Set<string>();
  for (const step of steps) forEachPut(step, (key) => keys.add(key));
  const store = new ReplayStore(keys, baseRevision, initial);
  const revisions: PersistedRevision[] = [];
  for (const step of steps) {
    const effect = evaluate(store, step);
    if (effect === undefined) return undefined;
    if (effect.changes.length === 0) continue;
    store.append(effect.changes);
    revisions.push({revision: store.revision, changes: lastChanges(effect.changes)});
  }
  return {baseRevision, initial, revisions, compactions};
}

/** Each key once, with its last change, by key. */
function lastChanges(changes: readonly KvChange[]): readonly KvChange[] {
  if (changes.length === 1) return changes;
  const byKey = new Map<string, KvChange>();
  for (const change of changes) byKey.set(change.key, change);
  return [...byKey.values()].sort((a, b) => compareByteStrings(a.key, b.key));
}
