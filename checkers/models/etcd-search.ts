// checkers/models/etcd-search.ts: the whole etcd store as a model for the search, answered and unanswered calls alike.
// A state is a node of a tree: its parent state and what one revision changed. The search interns states, so two nodes
// are equal when their parents are one object and their changes equal; the past is reached through the parents.
import type {ByteString} from '../../base/byte-string.ts';
import {hashText} from '../../base/digest.ts';
import {isEffectUnknown, isReadOnly, type KeyValue, type KvResponse, type Operation} from '../../history/operation.ts';
import type {Call, Model} from '../porcupine/model.ts';
import {describeOperation} from './describe-operation.ts';
import {equalPairs, equalResponses, evaluate, isEffective, type KvChange, type KvSnapshot, overlay} from './etcd-kv.ts';
import {ReplayStore} from './replay-store.ts';

export type EtcdModel = Model<EtcdState, Operation, KvResponse>;

/** What else is known about unanswered calls, to cut the search short. Every rule must follow from the history. */
export interface EtcdModelOptions {
  /** The store before the first call; default: a fresh one at revision 1. */
  readonly base?: KvSnapshot | undefined;
  /** May an unanswered call make this revision at all? Asked before its effect is computed. */
  readonly mayTakeEffectAt?: ((operation: Operation, revision: number) => boolean) | undefined;
  /** May this revision have changed these keys so? */
  readonly mayChange?: ((revision: number, changes: readonly KvChange[]) => boolean) | undefined;
  /** As Model.twinKey. */
  readonly twinKey?: ((operation: Operation) => string | undefined) | undefined;
}

/** The etcd store as an object for the search. Inputs are operations, outputs their answers with the header's revision. */
export function etcdModel(options: EtcdModelOptions = {}): EtcdModel {
  const {mayTakeEffectAt, mayChange, twinKey} = options;
  const base = options.base ?? new ReplayStore([]);
  return {
    init: () => EtcdState.root(base),
    step(state, operation, response) {
      if (response !== undefined) return stepAnswered(state, operation, response);
      if (mayTakeEffectAt?.(operation, state.revision + 1) === false) return undefined;
      const effect = evaluate(state, operation.request);
      // Refused or without effect: as if it had not been.
      if (effect === undefined || effect.changes.length === 0) return state;
      if (mayChange?.(state.revision + 1, effect.changes) === false) return undefined;
      return state.after(effect.changes);
    },
    equal: (a, b) => a.equals(b),
    hash: (state) => state.hash,
    describe: (operation) => describeOperation(operation),
    leavesState: (_operation, response) => !isEffective(response),
    ...(twinKey === undefined ? {} : {twinKey}),
  };
}

function stepAnswered(state: EtcdState, operation: Operation, response: KvResponse): EtcdState | undefined {
  const isWrite = isEffective(response);
  if (response.revision !== (isWrite ? state.revision + 1 : state.revision)) return undefined;
  const effect = evaluate(state, operation.request);
  if (effect === undefined || effect.changes.length > 0 !== isWrite) return undefined;
  if (!equalResponses(effect.response, response)) return undefined;
  return isWrite ? state.after(effect.changes) : state;
}

/** Is this read allowed to be old? Then it is no part of linearizability. */
export function isSerializableRead(operation: Operation): boolean {
  return operation.request.serializable === true && isReadOnly(operation.request);
}

/** The calls that linearizability is about: no serializable reads, no failures without effect, no unanswered reads. */
export function toCalls(operations: readonly Operation[]): Call<Operation, KvResponse>[] {
  const calls: Call<Operation, KvResponse>[] = [];
  for (const operation of operations) {
    const {outcome} = operation;
    if (isSerializableRead(operation)) continue;
    if (outcome.kind !== 'ok' && (!isEffectUnknown(operation) || isReadOnly(operation.request))) continue;
    calls.push({
      id: operation.id,
      client: operation.client,
      input: operation,
      output: outcome.kind === 'ok' ? outcome.response : undefined,
      callAt: operation.callUs,
      returnAt: outcome.kind === 'ok' ? operation.returnUs : undefined,
    });
  }
  return calls;
}

const NOTHING_CHANGED: ReadonlyMap<ByteString, KeyValue | undefined> = new Map();

/** One state of the store, immutable. */
export class EtcdState implements KvSnapshot {
  readonly revision: number;
  readonly hash: number;
  private readonly base: KvSnapshot;
  private readonly parent: EtcdState | undefined;
  private readonly changes: readonly KvChange[];
  /** What differs from the base. */
  private readonly changed: ReadonlyMap<ByteString, KeyValue | undefined>;

  private constructor(
    base: KvSnapshot,
    parent: EtcdState | undefined,
    changes: readonly KvChange[],
    changed: ReadonlyMap<ByteString, KeyValue | undefined>,
  ) {
    this.base = base;
    this.parent = parent;
    this.changes = changes;
    this.changed = changed;
    this.revision = parent === undefined ? base.revision : parent.revision + 1;
    this.hash = parent === undefined ? 17 : hashChanges(parent.hash, changes);
  }

  /** The state that is the base itself. */
  static root(base: KvSnapshot): EtcdState {
    return new EtcdState(base, undefined, [], NOTHING_CHANGED);
  }

  /** The next revision. */
  after(changes: readonly KvChange[]): EtcdState {
    const changed = new Map(this.changed);
    for (const {key, kv} of changes) changed.set(key, kv);
    return new EtcdState(this.base, this, changes, changed);
  }

  get(key: ByteString): KeyValue | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.base.get(key);
  }

  scan(key: ByteString, end: ByteString | undefined): readonly KeyValue[] {
    const found = this.base.scan(key, end);
    return this.changed.size === 0 ? found : overlay(found, this.changed, key, end);
  }

  at(revision: number): KvSnapshot | undefined {
    let state: EtcdState = this;
    while (state.revision > revision) {
      if (state.parent === undefined) return this.base.at(revision);
      state = state.parent;
    }
    return state.revision === revision ? state : undefined;
  }

  /** Parents are compared as objects: the search hands in interned states only. */
  equals(other: EtcdState): boolean {
    if (this === other) return true;
    if (this.hash !== other.hash || this.parent !== other.parent || this.parent === undefined) return false;
    if (this.changes.length !== other.changes.length) return false;
    return this.changes.every(({key, kv}, i) => {
      const change = other.changes[i] as KvChange;
      return key === change.key && equalPairs(kv, change.kv);
    });
  }
}

function hashChanges(seed: number, changes: readonly KvChange[]): number {
  let hash = seed;
  for (const {key, kv} of changes) {
    hash = hashText(key, hash ^ 0x9e3779b9);
    if (kv !== undefined) hash = hashText(kv.value, hash ^ kv.version);
  }
  return hash;
}
