// sim/disk-content.ts: the bytes of one file, as processes see them and as the medium holds them.
// Modelled: sectors of 512 bytes that are dirty until an fsync that began after the write has returned; every version of a
// dirty sector since the last fsync, because the kernel may write a page back at any time; sizes in a journal, so that a lost
// truncation brings back the whole of what it cut off. Files are sparse: pages that were never written take no memory.
// Cost: a write copies the base of the sectors it dirties first; an fsync drops those copies.
import type {Random} from '../base/random.ts';
import type {Page, PagePool} from './disk-page.ts';
import {
  copySector,
  cutPage,
  durableSector,
  Page as NewPage,
  PAGE_SIZE,
  putSector,
  SECTOR_SIZE,
  SECTORS_PER_PAGE,
  sectorOf,
} from './disk-page.ts';

/** What becomes of a sector that an fsync has to write; all but 'durable' are the work of faults. */
export type SectorFate = 'durable' | 'lost' | 'dropped' | 'corrupted' | 'misdirected';

/** The fate of the sector at that offset. */
export type FateOf = (offset: number) => SectorFate;

/** A version of a dirty sector that a later write covered before any fsync. */
export interface Overwritten {
  readonly page: Page;
  readonly sector: number;
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** A change of size that no fsync has covered. A cut keeps the pages that it took away, to be undone. */
export interface SizeChange {
  sequence: number;
  readonly sizeBefore: number;
  /** Of a cut: all pages from cutIndex on, as they were. */
  readonly removed: readonly Page[] | undefined;
  readonly cutIndex: number;
}

const OVERWRITTEN_MAX = 256;
const SIZE_CHANGES_MAX = 64;

export class FileContent {
  sizeBytes = 0;
  /** Preallocated up to here: counts as used, written or not. */
  reservedBytes = 0;
  readonly pages = new Map<number, Page>();
  /** Pages with a dirty sector; each once. */
  dirtyPages: Page[] = [];
  /** Pages with a diverged sector; may hold some that have none any more. */
  readonly divergedPages = new Set<Page>();
  overwritten: Overwritten[] = [];
  sizeChanges: SizeChange[] = [];
  /** The first and the last write or change of size since the last fsync; 0 when there was none. */
  firstSequence = 0;
  lastSequence = 0;
  /** fsyncs that have begun and not ended. */
  syncCount = 0;
  /** Former durable content of sectors, for stale reads; kept only while a fault asks for it. */
  former: Map<number, Uint8Array> | undefined;
  readonly pool: PagePool;

  constructor(pool: PagePool) {
    this.pool = pool;
  }

  /** What it takes on the disk, in bytes. */
  get usedBytes(): number {
    return Math.max(Math.ceil(this.reservedBytes / PAGE_SIZE), this.pages.size) * PAGE_SIZE;
  }

  /** What an fsync would write, in bytes. */
  get dirtyBytes(): number {
    return this.dirtyPages.length * PAGE_SIZE;
  }

  /** A copy of up to `length` bytes as processes see them. */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.sizeBytes);
    if (end <= offset) return new Uint8Array(0);
    const bytes = new Uint8Array(end - offset);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / PAGE_SIZE);
      const start = at - index * PAGE_SIZE;
      const stop = Math.min(PAGE_SIZE, end - index * PAGE_SIZE);
      const page = this.pages.get(index);
      if (page !== undefined) bytes.set(page.bytes.subarray(start, stop), at - offset);
      at += stop - start;
    }
    return bytes;
  }

  /** The first `length` of the bytes go to the offset, as the write of that sequence number. */
  write(offset: number, bytes: Uint8Array, length: number, sequence: number): void {
    if (length === 0) return;
    const end = offset + length;
    this.touch(sequence);
    if (end > this.sizeBytes) this.extend(end, sequence);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / PAGE_SIZE);
      const start = at - index * PAGE_SIZE;
      const stop = Math.min(PAGE_SIZE, end - index * PAGE_SIZE);
      const page = this.pageForWriting(index);
      this.markDirty(page, start, stop, sequence);
      page.bytes.set(bytes.subarray(at - offset, at - offset + stop - start), start);
      at += stop - start;
    }
  }

  /** How many pages a write would add; for the disk's capacity. */
  pagesMissing(offset: number, length: number): number {
    if (length === 0) return 0;
    const reserved = Math.ceil(this.reservedBytes / PAGE_SIZE);
    let missing = 0;
    for (let index = Math.floor(offset / PAGE_SIZE); index <= Math.floor((offset + length - 1) / PAGE_SIZE); index++) {
      if (index >= reserved && !this.pages.has(index)) missing++;
    }
    return missing;
  }

  /** Cuts, or extends with zeros. */
  truncate(sizeBytes: number, sequence: number): void {
    if (sizeBytes === this.sizeBytes) return;
    this.touch(sequence);
    if (sizeBytes > this.sizeBytes) return this.extend(sizeBytes, sequence);
    const keptInPage = sizeBytes % PAGE_SIZE;
    const cutIndex = Math.floor(sizeBytes / PAGE_SIZE);
    const removed: Page[] = [];
    for (const page of this.pages.values()) if (page.index >= cutIndex) removed.push(page);
    this.sizeChanges.push({sequence, sizeBefore: this.sizeBytes, removed, cutIndex});
    this.sizeBytes = sizeBytes;
    this.reservedBytes = Math.min(this.reservedBytes, sizeBytes);
    for (const page of removed) {
      this.pages.delete(page.index);
      if (page.index === cutIndex && keptInPage > 0) this.adoptCut(page, keptInPage);
    }
    this.dirtyPages = this.dirtyPages.filter((page) => this.isCurrent(page));
  }

  /** Reserves room up to there and extends the file to it with zeros. */
  preallocate(sizeBytes: number, sequence: number): void {
    this.reservedBytes = Math.max(this.reservedBytes, sizeBytes);
    if (sizeBytes <= this.sizeBytes) return;
    this.touch(sequence);
    this.extend(sizeBytes, sequence);
  }

  /** An fsync that began at that sequence number has ended: everything up to it is durable, unless a fault says otherwise. */
  settle(upTo: number, fateOf: FateOf | undefined, random: Random): void {
    if (fateOf === undefined && this.former === undefined && this.lastSequence <= upTo) return this.settleAll();
    const misdirected: {readonly from: number; readonly bytes: Uint8Array}[] = [];
    for (const change of this.sizeChanges) {
      if (change.sequence <= upTo) continue;
      for (const page of change.removed ?? []) this.settlePage(page, upTo, undefined, misdirected, random);
    }
    for (const page of this.dirtyPages) this.settlePage(page, upTo, fateOf, misdirected, random);
    this.dirtyPages = this.dirtyPages.filter((page) => page.dirtyMask !== 0);
    this.overwritten = this.overwritten.filter(({sequence}) => sequence > upTo);
    this.sizeChanges = this.sizeChanges.filter(({sequence}) => sequence > upTo);
    this.firstSequence = this.lastSequence > upTo ? upTo + 1 : 0;
    for (const {from, bytes} of misdirected) this.misdirect(from, bytes, random);
  }

  /** A failed fsync: nothing is known of what it had to write. Sizes stay where they are in the journal. */
  settleFailed(upTo: number, fateOf: FateOf, random: Random): void {
    const sizeChanges = this.sizeChanges;
    this.settle(upTo, fateOf, random);
    this.sizeChanges = sizeChanges;
    if (sizeChanges.length > 0) this.firstSequence = sizeChanges[0]?.sequence ?? 0;
  }

  /** Changes bytes in the cache and on the medium at once: damage at rest. */
  damage(offset: number, change: (byte: number) => number): void {
    const page = this.pageForWriting(Math.floor(offset / PAGE_SIZE));
    const at = offset % PAGE_SIZE;
    if (page.dirtyMask !== 0) this.baseOf(page);
    page.fresh = false;
    page.bytes[at] = change(page.bytes[at] as number);
    const bit = 1 << Math.floor(at / SECTOR_SIZE);
    if (((page.dirtyMask | page.divergedMask) & bit) === 0) return;
    const base = this.baseOf(page);
    base[at] = change(base[at] as number);
  }

  /** The page cache is emptied of what is clean: from here on reads see what the medium holds. */
  dropCaches(): void {
    for (const page of this.divergedPages) {
      if (!this.isCurrent(page)) continue;
      for (let sector = 0; sector < SECTORS_PER_PAGE; sector++) {
        if ((page.divergedMask & (1 << sector)) !== 0) putSector(page.bytes, sector, durableSector(page, sector));
      }
      page.divergedMask = 0;
      this.releaseBase(page);
    }
    this.divergedPages.clear();
  }

  /** A sector as it was before its last write or fsync, as far as that is known. */
  olderSector(offset: number): Uint8Array | undefined {
    const page = this.pages.get(Math.floor(offset / PAGE_SIZE));
    const sector = Math.floor((offset % PAGE_SIZE) / SECTOR_SIZE);
    if (page !== undefined && (page.dirtyMask & (1 << sector)) !== 0) return durableSector(page, sector);
    return this.former?.get(offset);
  }

  isCurrent(page: Page): boolean {
    return this.pages.get(page.index) === page;
  }

  /** Forgets all that is not durable of its bookkeeping: what processes see now is what the medium holds. */
  forgetVolatile(): void {
    for (const page of this.dirtyPages) {
      page.dirtyMask = 0;
      page.fresh = false;
      this.releaseBase(page);
    }
    this.dirtyPages = [];
    this.overwritten = [];
    this.sizeChanges = [];
    this.firstSequence = 0;
    this.syncCount = 0;
  }

  /** Takes a page in as the current one of its place. */
  adopt(page: Page): void {
    this.pages.set(page.index, page);
    if (page.dirtyMask !== 0) this.dirtyPages.push(page);
    if (page.divergedMask !== 0) this.divergedPages.add(page);
  }

  /** What a cut leaves of its last page, with the versions that an fsync under way may still ask for. */
  private adoptCut(page: Page, keptBytes: number): void {
    const kept = cutPage(page, keptBytes);
    this.adopt(kept);
    for (const version of [...this.overwritten]) {
      const keptInSector = keptBytes - version.sector * SECTOR_SIZE;
      if (version.page !== page || keptInSector <= 0) continue;
      this.overwritten.push({...version, page: kept, bytes: version.bytes.slice().fill(0, keptInSector)});
    }
  }

  private touch(sequence: number): void {
    this.lastSequence = sequence;
    if (this.firstSequence === 0) this.firstSequence = sequence;
  }

  private extend(sizeBytes: number, sequence: number): void {
    const {sizeChanges} = this;
    const last = sizeChanges[sizeChanges.length - 1];
    // Many appends without an fsync: the sizes between are not worth their memory. While an fsync runs they are, because it
    // makes some of them durable and others not.
    const mergeable = sizeChanges.length >= SIZE_CHANGES_MAX && this.syncCount === 0;
    if (mergeable && last !== undefined && last.removed === undefined) last.sequence = sequence;
    else sizeChanges.push({sequence, sizeBefore: this.sizeBytes, removed: undefined, cutIndex: 0});
    this.sizeBytes = sizeBytes;
  }

  private pageForWriting(index: number): Page {
    let page = this.pages.get(index);
    if (page === undefined) {
      page = new NewPage(index);
      this.pages.set(index, page);
    }
    return page;
  }

  private markDirty(page: Page, start: number, stop: number, sequence: number): void {
    if (page.dirtyMask === 0) this.dirtyPages.push(page);
    // The kernel writes whole pages: whatever of this one never reached the medium goes with it now.
    if (page.divergedMask !== 0) {
      page.dirtyMask |= page.divergedMask;
      page.divergedMask = 0;
      this.divergedPages.delete(page);
    }
    const last = Math.floor((stop - 1) / SECTOR_SIZE);
    for (let sector = Math.floor(start / SECTOR_SIZE); sector <= last; sector++) {
      const bit = 1 << sector;
      if ((page.dirtyMask & bit) !== 0) {
        this.keepOverwritten(page, sector);
      } else {
        if (!page.fresh || page.base !== undefined) copySector(page.bytes, this.baseOf(page), sector);
        page.dirtyMask |= bit;
      }
      page.sequences[sector] = sequence;
    }
  }

  private keepOverwritten(page: Page, sector: number): void {
    if (this.overwritten.length >= OVERWRITTEN_MAX && this.syncCount === 0) return;
    this.overwritten.push({
      page,
      sector,
      sequence: page.sequences[sector] as number,
      bytes: sectorOf(page.bytes, sector),
    });
  }

  /** The base buffer of a page, made when there is none: zeros on a fresh page, else without meaning so far. */
  private baseOf(page: Page): Uint8Array {
    if (page.base === undefined) {
      page.base = this.pool.take();
      if (page.fresh) page.base.fill(0);
    }
    return page.base;
  }

  private releaseBase(page: Page): void {
    if (page.base === undefined || page.dirtyMask !== 0 || page.divergedMask !== 0) return;
    this.pool.give(page.base);
    page.base = undefined;
  }

  private settleAll(): void {
    const {dirtyPages} = this;
    for (let i = 0; i < dirtyPages.length; i++) {
      const page = dirtyPages[i] as Page;
      page.dirtyMask = 0;
      page.fresh = false;
      if (page.base !== undefined) this.releaseBase(page);
    }
    dirtyPages.length = 0;
    if (this.overwritten.length > 0) this.overwritten = [];
    if (this.sizeChanges.length > 0) this.sizeChanges = [];
    this.firstSequence = 0;
  }

  private settlePage(
    page: Page,
    upTo: number,
    fateOf: FateOf | undefined,
    misdirected: {readonly from: number; readonly bytes: Uint8Array}[],
    random: Random,
  ): void {
    if (page.dirtyMask === 0) return;
    if (page.fresh) this.baseOf(page);
    page.fresh = false;
    for (let sector = 0; sector < SECTORS_PER_PAGE; sector++) {
      const bit = 1 << sector;
      if ((page.dirtyMask & bit) === 0) continue;
      const offset = page.index * PAGE_SIZE + sector * SECTOR_SIZE;
      if ((page.sequences[sector] as number) > upTo) {
        this.settleOverwritten(page, sector, upTo);
        continue;
      }
      page.dirtyMask &= ~bit;
      const base = page.base as Uint8Array;
      const fate = fateOf === undefined ? 'durable' : fateOf(offset);
      if (fate === 'durable') this.former?.set(offset, sectorOf(base, sector));
      else if (fate === 'dropped') copySector(base, page.bytes, sector);
      else {
        if (fate === 'corrupted') putSector(base, sector, flipBits(sectorOf(page.bytes, sector), random));
        if (fate === 'misdirected') misdirected.push({from: offset, bytes: sectorOf(page.bytes, sector)});
        page.divergedMask |= bit;
        this.divergedPages.add(page);
      }
    }
    this.releaseBase(page);
  }

  /** A sector written again while the fsync ran: the fsync wrote the version that it found. */
  private settleOverwritten(page: Page, sector: number, upTo: number): void {
    let found: Overwritten | undefined;
    for (const version of this.overwritten) {
      if (version.page === page && version.sector === sector && version.sequence <= upTo) found = version;
    }
    if (found !== undefined) putSector(page.base as Uint8Array, sector, found.bytes);
  }

  /** The bytes of one sector land on another one of the file, as the medium holds it. */
  private misdirect(from: number, bytes: Uint8Array, random: Random): void {
    const sectorCount = Math.ceil(this.sizeBytes / SECTOR_SIZE);
    if (sectorCount < 2) return;
    const home = Math.floor(from / SECTOR_SIZE);
    const target = (home + 1 + random.below(Math.min(sectorCount - 1, 0x1_0000_0000))) % sectorCount;
    const page = this.pageForWriting(Math.floor(target / SECTORS_PER_PAGE));
    const sector = target % SECTORS_PER_PAGE;
    putSector(this.baseOf(page), sector, bytes);
    page.fresh = false;
    if ((page.dirtyMask & (1 << sector)) !== 0) return;
    page.divergedMask |= 1 << sector;
    this.divergedPages.add(page);
  }
}

/** Flips one to eight bits of one byte of them, in place. */
export function flipBits(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ random.between(1, 255);
  return bytes;
}

/** Cuts a page set to a size: what lies beyond is gone, the rest of the last page zeros. */
export function clipToSize(content: FileContent): void {
  const {pages, sizeBytes} = content;
  const keptInPage = sizeBytes % PAGE_SIZE;
  const lastIndex = Math.floor(sizeBytes / PAGE_SIZE);
  for (const page of [...pages.values()]) {
    if (page.index > lastIndex || (page.index === lastIndex && keptInPage === 0)) pages.delete(page.index);
    else if (page.index === lastIndex) page.bytes.fill(0, keptInPage);
  }
}
