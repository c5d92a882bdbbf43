// server-core/backend/bolt/check.ts: is this a sound bbolt file? The rules of `bbolt check` (bbolt: tx_check.go).
// Written apart from page-reader.ts on purpose: it goes by the bytes alone, collects instead of refusing, and so can find what
// reader and writer both get wrong.
import type {ByteString} from '../../../base/byte-string.ts';
import {fromBytes} from '../../../base/byte-string.ts';
import type {PageHeader} from './format.ts';
import {
  ELEMENT_BUCKET,
  FREELIST_COUNT_ESCAPE,
  PAGE_BRANCH,
  PAGE_FREELIST,
  PAGE_HEADER_SIZE,
  PAGE_LEAF,
  readPageHeader,
  readU64,
  viewOf,
} from './format.ts';
import type {Meta} from './meta.ts';
import {decodeMeta} from './meta.ts';

const DEPTH_MAX = 64;

/** What is wrong with the file, one line a finding; empty when it is sound. Only the current meta's state is judged. */
export function checkBoltFile(bytes: Uint8Array): string[] {
  const metas = [decodeMeta(bytes, 0)];
  const [first] = metas;
  metas.push(decodeMeta(bytes, first !== undefined && typeof first !== 'string' ? first.pageSize : 4096));
  const valid = metas.filter((meta): meta is Meta => typeof meta !== 'string');
  const current = valid.reduce<Meta | undefined>(
    (best, meta) => (best && best.txid >= meta.txid ? best : meta),
    undefined,
  );
  if (current === undefined) return metas.map((meta, page) => `meta ${page}: ${String(meta)}`);
  if (bytes.length < current.pageCount * current.pageSize)
    return [`file of ${bytes.length} bytes ends before its last page`];
  const check = new FileCheck(bytes, current);
  check.run();
  return check.findings;
}

class FileCheck {
  readonly findings: string[] = [];
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly meta: Meta;
  private readonly owner = new Map<number, string>(); // page -> what it is part of

  constructor(bytes: Uint8Array, meta: Meta) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.meta = meta;
  }

  run(): void {
    const {meta} = this;
    this.owner.set(0, 'meta').set(1, 'meta');
    this.checkTree(meta.rootPage, 'root', 0, undefined, undefined, true);
    const free = this.checkFreelist();
    for (const id of free)
      if (this.owner.has(id)) this.findings.push(`page ${id}: free, yet part of ${this.owner.get(id)}`);
    const freeSet = new Set(free);
    if (freeSet.size !== free.length) this.findings.push('freelist names a page twice');
    if (meta.freelistPage === undefined) return;
    for (let id = 2; id < meta.pageCount; id++) {
      if (!this.owner.has(id) && !freeSet.has(id)) this.findings.push(`page ${id}: neither reachable nor free`);
    }
  }

  private checkFreelist(): number[] {
    const {freelistPage, pageSize, pageCount} = this.meta;
    if (freelistPage === undefined) return [];
    const header = this.claim(freelistPage, 'freelist');
    if (header === undefined) return [];
    if (header.flags !== PAGE_FREELIST)
      this.findings.push(`page ${freelistPage}: flags ${header.flags}, not a freelist`);
    let at = freelistPage * pageSize + PAGE_HEADER_SIZE;
    let count: number = header.count;
    if (count === FREELIST_COUNT_ESCAPE) {
      count = readU64(this.view, at) ?? -1;
      at += 8;
    }
    const room = ((freelistPage + header.overflow + 1) * pageSize - at) / 8;
    if (count < 0 || count > room) {
      this.findings.push(`page ${freelistPage}: ${count} free pages in room for ${room}`);
      return [];
    }
    const ids: number[] = [];
    for (let i = 0; i < count; i++) {
      const id = readU64(this.view, at + 8 * i) ?? -1;
      if (id < 2 || id >= pageCount) this.findings.push(`page ${freelistPage}: free page ${id} out of bounds`);
      else if (i > 0 && id <= (ids[i - 1] ?? 0))
        this.findings.push(`page ${freelistPage}: free page ${id} out of order`);
      ids.push(id);
    }
    return ids;
  }

  /** Marks a page with its overflow; undefined when it cannot be looked at. */
  private claim(id: number, owner: string): PageHeader | undefined {
    const {pageSize, pageCount} = this.meta;
    if (id < 2 || id >= pageCount) {
      this.findings.push(`${owner}: page ${id} out of bounds`);
      return undefined;
    }
    const header = readPageHeader(this.view, id * pageSize);
    if (header.id !== id) this.findings.push(`page ${id}: calls itself ${header.id}`);
    if (id + header.overflow >= pageCount) {
      this.findings.push(`page ${id}: overflow out of bounds`);
      return undefined;
    }
    for (let each = id; each <= id + header.overflow; each++) {
      if (this.owner.has(each)) {
        this.findings.push(`page ${each}: part of ${this.owner.get(each)} and of ${owner}`);
        return undefined;
      }
      this.owner.set(each, owner);
    }
    return header;
  }

  private checkTree(
    id: number,
    owner: string,
    depth: number,
    lower: ByteString | undefined,
    upper: ByteString | undefined,
    holdsBuckets: boolean,
  ): void {
    const header = this.claim(id, owner);
    if (header === undefined) return;
    const {pageSize} = this.meta;
    const at = id * pageSize;
    const end = at + (header.overflow + 1) * pageSize;
    if (depth > DEPTH_MAX) {
      this.findings.push(`page ${id}: too deep`);
    } else if (header.flags === PAGE_BRANCH) {
      const elements = this.branchElements(id, at, end, header.count);
      this.checkKeys(
        id,
        elements.map(({key}) => key),
        lower,
        upper,
      );
      for (const [index, {key, child}] of elements.entries()) {
        this.checkTree(child, owner, depth + 1, key, elements[index + 1]?.key ?? upper, holdsBuckets);
      }
    } else if (header.flags === PAGE_LEAF) {
      const keys = this.checkLeaf(id, this.bytes.subarray(at, end), header.count, holdsBuckets);
      this.checkKeys(id, keys, lower, upper);
    } else {
      this.findings.push(`page ${id}: flags ${header.flags} in the tree of ${owner}`);
    }
  }

  private branchElements(id: number, at: number, end: number, count: number): {key: ByteString; child: number}[] {
    const elements: {key: ByteString; child: number}[] = [];
    if (count === 0) this.findings.push(`page ${id}: branch without children`);
    for (let i = 0; i < count; i++) {
      const element = at + PAGE_HEADER_SIZE + 16 * i;
      if (element + 16 > end) {
        this.findings.push(`page ${id}: element ${i} does not fit`);
        break;
      }
      const from = element + this.view.getUint32(element, true);
      const to = from + this.view.getUint32(element + 4, true);
      if (to > end) {
        this.findings.push(`page ${id}: key ${i} does not fit`);
        break;
      }
      elements.push({key: fromBytes(this.bytes.subarray(from, to)), child: readU64(this.view, element + 8) ?? -1});
    }
    return elements;
  }

  /** Keys of the leaf in `page` (which may be the inside of an inline bucket); goes into the buckets it holds. */
  private checkLeaf(id: number, page: Uint8Array, count: number, holdsBuckets: boolean): ByteString[] {
    const view = viewOf(page);
    const keys: ByteString[] = [];
    for (let i = 0; i < count; i++) {
      const element = PAGE_HEADER_SIZE + 16 * i;
      const fits = element + 16 <= page.length;
      const keyAt = fits ? element + view.getUint32(element + 4, true) : page.length + 1;
      const valueAt = fits ? keyAt + view.getUint32(element + 8, true) : keyAt;
      const end = fits ? valueAt + view.getUint32(element + 12, true) : keyAt;
      if (end > page.length) {
        this.findings.push(`page ${id}: element ${i} does not fit`);
        break;
      }
      const key = fromBytes(page.subarray(keyAt, valueAt));
      keys.push(key);
      const isBucket = (view.getUint32(element, true) & ELEMENT_BUCKET) !== 0;
      if (isBucket !== holdsBuckets) this.findings.push(`page ${id}: element ${i} is ${isBucket ? 'a' : 'no'} bucket`);
      else if (isBucket) this.checkBucket(id, key, page.subarray(valueAt, end));
    }
    return keys;
  }

  private checkBucket(id: number, name: ByteString, value: Uint8Array): void {
    if (value.length < 16) {
      this.findings.push(`page ${id}: bucket ${name} without its header`);
      return;
    }
    const rootPage = readU64(viewOf(value), 0) ?? -1;
    if (rootPage !== 0) return this.checkTree(rootPage, `bucket ${name}`, 0, undefined, undefined, false);
    const inline = value.subarray(16);
    if (inline.length < PAGE_HEADER_SIZE) {
      this.findings.push(`page ${id}: inline bucket ${name} without its page`);
      return;
    }
    const header = readPageHeader(viewOf(inline), 0);
    if (header.flags !== PAGE_LEAF) this.findings.push(`page ${id}: inline bucket ${name} is no leaf`);
    this.checkKeys(id, this.checkLeaf(id, inline, header.count, false), undefined, undefined);
  }

  private checkKeys(
    id: number,
    keys: readonly ByteString[],
    lower: ByteString | undefined,
    upper: ByteString | undefined,
  ) {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as ByteString;
      const before = i === 0 ? lower : keys[i - 1];
      if (key === '') this.findings.push(`page ${id}: key ${i} is empty`);
      if (before !== undefined && (i === 0 ? key < before : key <= before))
        this.findings.push(`page ${id}: key ${i} out of order`);
      if (upper !== undefined && key >= upper) this.findings.push(`page ${id}: key ${i} belongs to the next page`);
    }
  }
}
