// checkers/models/replay-store.ts: the whole history of a key-value store, revision by revision.
// Every version of every key is kept, so the state at any revision can be asked for; the newest revisions can be taken
// back. The keys that can ever exist are known beforehand (a history names them), so they are sorted once.
import {assert} from '../../base/assert.ts';
import {type ByteString, compareByteStrings} from '../../base/byte-string.ts';
import type {KeyValue} from '../../history/operation.ts';
import type {KvChange, KvSnapshot} from './etcd-kv.ts';

/** Versions of one key, oldest first; undefined in `kvs` is a deletion. */
interface KeyHistory {
  readonly revisions: number[];
  readonly kvs: (KeyValue | undefined)[];
}

/** A store at its newest revision, with its past. */
export class ReplayStore implements KvSnapshot {
  revision: number;
  /** All keys that may appear, sorted by bytes. */
  readonly keys: readonly ByteString[];
  private readonly baseRevision: number;
  private readonly places = new Map<ByteString, number>();
  private readonly histories: KeyHistory[];
  /** Places of the keys that each revision changed; index: revision - baseRevision - 1. */
  private readonly touched: (readonly number[])[] = [];

  /** `keys`: every key that will ever be put. `initial`: the live pairs at the base revision. */
  constructor(keys: Iterable<ByteString>, baseRevision = 1, initial: readonly KeyValue[] = []) {
    const all = new Set(keys);
    for (const {key} of initial) all.add(key);
    this.keys = [...all].sort(compareByteStrings);
    this.keys.forEach((key, place) => {
      this.places.set(key, place);
    });
    this.histories = this.keys.map(() => ({revisions: [], kvs: []}));
    this.baseRevision = baseRevision;
    this.revision = baseRevision;
    for (const kv of initial) {
      const history = this.histories[this.places.get(kv.key) as number] as KeyHistory;
      history.revisions.push(baseRevision);
      history.kvs.push(kv);
    }
  }

  get(key: ByteString): KeyValue | undefined {
    const place = this.places.get(key);
    if (place === undefined) return undefined;
    const {kvs} = this.histories[place] as KeyHistory;
    return kvs.length === 0 ? undefined : kvs[kvs.length - 1];
  }

  scan(key: ByteString, end: ByteString | undefined): readonly KeyValue[] {
    const found: KeyValue[] = [];
    const to = end === undefined ? this.keys.length : this.placeOf(end);
    for (let place = this.placeOf(key); place < to; place++) {
      const {kvs} = this.histories[place] as KeyHistory;
      const kv = kvs.length === 0 ? undefined : kvs[kvs.length - 1];
      if (kv !== undefined) found.push(kv);
    }
    return found;
  }

  at(revision: number): KvSnapshot | undefined {
    if (revision === this.revision) return this;
    if (revision < this.baseRevision || revision > this.revision) return undefined;
    return new PastView(this, revision);
  }

  /** A view that stays at the present revision while the store goes on. */
  freeze(): KvSnapshot {
    return new PastView(this, this.revision);
  }

  getAt(key: ByteString, revision: number): KeyValue | undefined {
    const place = this.places.get(key);
    return place === undefined ? undefined : versionAt(this.histories[place] as KeyHistory, revision);
  }

  scanAt(key: ByteString, end: ByteString | undefined, revision: number): readonly KeyValue[] {
    const found: KeyValue[] = [];
    const to = end === undefined ? this.keys.length : this.placeOf(end);
    for (let place = this.placeOf(key); place < to; place++) {
      const kv = versionAt(this.histories[place] as KeyHistory, revision);
      if (kv !== undefined) found.push(kv);
    }
    return found;
  }

  /** The next revision: these keys changed. */
  append(changes: readonly KvChange[]): void {
    assert(changes.length > 0, 'a revision without a change');
    this.revision++;
    const touched: number[] = [];
    for (const {key, kv} of changes) {
      const place = this.places.get(key);
      assert(place !== undefined, 'a key that was not announced', {key});
      const history = this.histories[place] as KeyHistory;
      history.revisions.push(this.revision);
      history.kvs.push(kv);
      touched.push(place);
    }
    this.touched.push(touched);
  }

  /** Takes back every revision above this one. */
  truncate(revision: number): void {
    assert(revision >= this.baseRevision, 'truncated below the base', {revision});
    for (; this.revision > revision; this.revision--) {
      for (const place of this.touched.pop() ?? []) {
        const history = this.histories[place] as KeyHistory;
        history.revisions.pop();
        history.kvs.pop();
      }
    }
  }

  /** The place of the first key that is not below this one. */
  placeOf(key: ByteString): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.keys[middle] as ByteString) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class PastView implements KvSnapshot {
  readonly revision: number;
  private readonly store: ReplayStore;

  constructor(store: ReplayStore, revision: number) {
    this.store = store;
    this.revision = revision;
  }

  get(key: ByteString): KeyValue | undefined {
    return this.store.getAt(key, this.revision);
  }

  scan(key: ByteString, end: ByteString | undefined): readonly KeyValue[] {
    return this.store.scanAt(key, end, this.revision);
  }

  at(revision: number): KvSnapshot | undefined {
    return revision > this.revision ? undefined : this.store.at(revision);
  }
}

function versionAt({revisions, kvs}: KeyHistory, revision: number): KeyValue | undefined {
  let low = 0;
  let high = revisions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((revisions[middle] as number) <= revision) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : kvs[low - 1];
}
