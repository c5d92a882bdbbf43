// server-core/backend/bolt/freelist.ts: which pages nobody needs. bbolt: internal/freelist (array form).
// A page freed by a transaction is still named by the meta before it and by snapshots being read, so it is `pending` until a
// later transaction begins and no snapshot that old is open; only then it may be written over.
// Promise: pages are given out lowest first, so that equal histories make equal files.
import {assert} from '../../../base/assert.ts';
import {FREELIST_COUNT_ESCAPE, PAGE_FREELIST, PAGE_HEADER_SIZE, writePageHeader, writeU64} from './format.ts';

export class Freelist {
  /** Free now, ascending; entries before `head` are taken. */
  private ids: number[];
  private head = 0;
  /** Freed by transaction `txid`, in ascending order of txid. */
  private pending: {readonly txid: number; readonly ids: number[]}[] = [];
  private pendingIdCount = 0;

  /** Starts with these free pages, ascending. */
  constructor(ids: number[]) {
    this.ids = ids;
  }

  /** Pages free now. bbolt: FreeCount. */
  get freeCount(): number {
    return this.ids.length - this.head;
  }

  /** Pages free now or soon. */
  get count(): number {
    return this.freeCount + this.pendingIdCount;
  }

  /** The page and its overflow pages are not needed after that transaction. */
  free(txid: number, pageId: number, pageCount: number): void {
    assert(pageId > 1, 'a meta page was freed', {pageId});
    let last = this.pending[this.pending.length - 1];
    if (last === undefined || last.txid !== txid) {
      assert(last === undefined || last.txid < txid, 'pages freed by an older transaction', {txid});
      last = {txid, ids: []};
      this.pending.push(last);
    }
    for (let id = pageId; id < pageId + pageCount; id++) last.ids.push(id);
    this.pendingIdCount += pageCount;
  }

  /** Gives what transactions up to this one freed back for use. bbolt: ReleasePendingPages. */
  release(txidMax: number): void {
    const released: number[] = [];
    while (this.pending.length > 0 && (this.pending[0]?.txid ?? 0) <= txidMax) {
      for (const id of this.pending.shift()?.ids ?? []) released.push(id);
    }
    if (released.length === 0) return;
    this.pendingIdCount -= released.length;
    released.sort((a, b) => a - b);
    this.ids = mergeAscending(this.ids, this.head, released);
    this.head = 0;
  }

  /** The first run of that many pages, or undefined: then the file must grow. bbolt: array.Allocate. */
  allocate(pageCount: number): number | undefined {
    const {ids, head} = this;
    if (pageCount === 1) {
      const id = ids[head];
      if (id !== undefined) this.head++;
      return id;
    }
    let start = head;
    for (let i = head; i < ids.length; i++) {
      if (i > head && (ids[i] as number) !== (ids[i - 1] as number) + 1) start = i;
      if (i - start + 1 < pageCount) continue;
      const id = ids[start] as number;
      ids.splice(start, pageCount);
      return id;
    }
    return undefined;
  }

  /** Bytes of the freelist page as it would be written now. */
  get writtenSizeBytes(): number {
    const {count} = this;
    return PAGE_HEADER_SIZE + 8 * (count >= FREELIST_COUNT_ESCAPE ? count + 1 : count);
  }

  /** Free and pending pages, ascending: what a reader of the file may use again. */
  all(): number[] {
    const pending: number[] = [];
    for (const {ids} of this.pending) for (const id of ids) pending.push(id);
    pending.sort((a, b) => a - b);
    return mergeAscending(this.ids, this.head, pending);
  }

  /** Writes the freelist as the page that starts at `at`; returns the place behind its entries. */
  encode(pageId: number, pageCount: number, into: Uint8Array, view: DataView, at: number): number {
    assert(this.writtenSizeBytes <= into.length - at, 'the freelist outgrew its pages', pageCount);
    const ids = this.all();
    const escaped = ids.length >= FREELIST_COUNT_ESCAPE;
    const count = escaped ? FREELIST_COUNT_ESCAPE : ids.length;
    writePageHeader(view, at, {id: pageId, flags: PAGE_FREELIST, count, overflow: pageCount - 1});
    let next = at + PAGE_HEADER_SIZE;
    if (escaped) {
      writeU64(view, next, ids.length);
      next += 8;
    }
    for (const id of ids) {
      writeU64(view, next, id);
      next += 8;
    }
    return next;
  }
}

function mergeAscending(left: readonly number[], leftFrom: number, right: readonly number[]): number[] {
  const merged: number[] = [];
  let i = leftFrom;
  let j = 0;
  while (i < left.length || j < right.length) {
    const a = left[i];
    const b = right[j];
    if (b === undefined || (a !== undefined && a < b)) {
      merged.push(a as number);
      i++;
    } else {
      merged.push(b);
      j++;
    }
  }
  return merged;
}
