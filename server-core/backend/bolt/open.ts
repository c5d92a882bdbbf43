// server-core/backend/bolt/open.ts: a database file from the disk into memory, or a refusal that names the place.
// The valid meta with the highest transaction wins; when one is broken the other is used. bbolt: Open, getPageSize, DB.meta.
import type {ByteString} from '../../../base/byte-string.ts';
import type {DiskFile} from '../../../env/disk.ts';
import type {Fiber} from '../../../env/fiber.ts';
import {BackendError} from '../backend-error.ts';
import type {BoltOptions, Bucket, LoadedFile} from './bolt-file.ts';
import {BoltFile, newFile} from './bolt-file.ts';
import {ELEMENT_BUCKET, PAGE_SIZE_DEFAULT} from './format.ts';
import type {Meta} from './meta.ts';
import {decodeMeta, META_SIZE} from './meta.ts';
import {decodeBucketHeader, PageReader} from './page-reader.ts';
import {Tree} from './tree.ts';

const PAGE_SIZE_SEARCH_MIN = 1024;
const PAGE_SIZE_SEARCH_STEPS = 16;

/** Reads the database in an open file, which an empty one becomes first. Throws BackendError, or DiskFault of the disk. */
export function* openBolt(file: DiskFile, options: BoltOptions): Fiber<BoltFile> {
  if (file.sizeBytes === 0) {
    const {image, loaded} = newFile();
    yield* file.write(0, image);
    if (options.fsync) yield* file.sync();
    return new BoltFile(file, options, loaded);
  }
  const meta = yield* readMeta(file);
  if (meta.freelistPage === undefined && !options.opensWithoutFreelist) {
    throw new BackendError('no-freelist', file.path, 'the file has no freelist, which this release cannot do without');
  }
  const sizeBytes = meta.pageCount * meta.pageSize;
  if (file.sizeBytes < sizeBytes) {
    const reason = `the file has ${file.sizeBytes} bytes, its high-water mark is ${sizeBytes}`;
    throw new BackendError('too-short', file.path, reason, {offset: file.sizeBytes});
  }
  const image = yield* file.read(0, sizeBytes);
  if (image.length < sizeBytes) {
    throw new BackendError('too-short', file.path, `only ${image.length} of ${sizeBytes} bytes came`, {
      offset: image.length,
    });
  }
  const bolt = new BoltFile(file, options, loadImage(file.path, image, meta));
  // A file written without a freelist gets one at once, so that whoever opens it later finds it. bbolt: Open.
  if (options.freelistSync && !bolt.freelistIsWritten) yield* bolt.commit();
  return bolt;
}

/** What a file image holds; meta is the one of its metas to go by. Throws BackendError. */
export function loadImage(path: string, image: Uint8Array, meta: Meta): LoadedFile {
  const reader = new PageReader(path, image, meta.pageSize, meta.pageCount);
  const root = new Tree(reader.readTree(meta.rootPage, ELEMENT_BUCKET));
  const buckets = new Map<ByteString, Bucket>();
  root.forEach((name, value) => {
    const header = decodeBucketHeader(value);
    const {rootPage, sequence} = header ?? reader.corrupt(meta.rootPage, 'a bucket without its header');
    const tree = rootPage === 0 ? reader.readInlineBucket(value, meta.rootPage) : reader.readTree(rootPage, 0);
    buckets.set(name, {tree: new Tree(tree), sequence});
  });
  if (meta.freelistPage === undefined) {
    return {meta, root, buckets, freeIds: reader.unusedPages(), freelistPageCount: 0};
  }
  const {ids, pageCount} = reader.readFreelist(meta.freelistPage);
  reader.checkFree(ids);
  return {meta, root, buckets, freeIds: ids, freelistPageCount: pageCount};
}

/** The meta to go by. */
function* readMeta(file: DiskFile): Fiber<Meta> {
  const head = yield* file.read(0, PAGE_SIZE_DEFAULT + META_SIZE);
  const first = decodeMeta(head, 0);
  const second = yield* readSecondMeta(file, head, first);
  if (typeof first === 'string' && typeof second === 'string') {
    throw new BackendError('not-a-database', file.path, `meta 0: ${first}; meta 1: ${second}`, {offset: 0, page: 0});
  }
  if (typeof first === 'string') return second as Meta;
  if (typeof second === 'string') return first;
  return second.txid > first.txid ? second : first;
}

/** Meta 1 lies one page into the file; when meta 0 cannot tell how large a page is, every size is tried. */
function* readSecondMeta(file: DiskFile, head: Uint8Array, first: Meta | string): Fiber<Meta | string> {
  if (typeof first !== 'string') {
    if (first.pageSize === PAGE_SIZE_DEFAULT) return decodeMeta(head, PAGE_SIZE_DEFAULT);
    return decodeMeta(yield* file.read(first.pageSize, META_SIZE), 0);
  }
  let found: Meta | string = decodeMeta(head, PAGE_SIZE_DEFAULT);
  for (let step = 0; typeof found === 'string' && step < PAGE_SIZE_SEARCH_STEPS; step++) {
    const offset = PAGE_SIZE_SEARCH_MIN << step;
    if (offset === PAGE_SIZE_DEFAULT) continue;
    if (offset + META_SIZE > file.sizeBytes) break;
    const candidate = decodeMeta(yield* file.read(offset, META_SIZE), 0);
    if (typeof candidate !== 'string' && candidate.pageSize === offset) found = candidate;
  }
  return found;
}
