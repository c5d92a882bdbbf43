// sim/disk-page.ts: pages of the page cache and the sectors in them.
// A page shows what processes see. Beside it lies, for each sector that the medium does not hold in that form, what the medium
// holds instead: the base. Only those sectors of a base buffer mean anything.

export const SECTOR_SIZE = 512;
export const PAGE_SIZE = 4096;
export const SECTORS_PER_PAGE = 8;

/** 4096 bytes of a file in memory. Pages that were never written do not exist: they are zeros. */
export class Page {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The medium's content of the dirty and the diverged sectors. Absent on a fresh page: zeros. */
  base: Uint8Array | undefined;
  /** Made since the last fsync: the medium has zeros in its place. */
  fresh = true;
  /** Sectors written since the last fsync, one bit each. */
  dirtyMask = 0;
  /** Sectors that the medium holds in another form although no fsync will write them again: lost, corrupted, overwritten. */
  divergedMask = 0;
  /** For each dirty sector, the sequence number of the write that it shows. */
  readonly sequences: number[];

  constructor(index: number, bytes: Uint8Array = new Uint8Array(PAGE_SIZE), sequences = [0, 0, 0, 0, 0, 0, 0, 0]) {
    this.index = index;
    this.bytes = bytes;
    this.sequences = sequences;
  }
}

/** Page buffers for bases, used again and again: most live from one write to the next fsync. */
export class PagePool {
  private readonly free: Uint8Array[] = [];

  /** A buffer with anything in it. */
  take(): Uint8Array {
    return this.free.pop() ?? new Uint8Array(PAGE_SIZE);
  }

  give(buffer: Uint8Array): void {
    if (this.free.length < 64) this.free.push(buffer);
  }
}

/** Copies one sector between two page buffers. */
export function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const start = sector * SECTOR_SIZE;
  to.set(from.subarray(start, start + SECTOR_SIZE), start);
}

/** One sector of a page buffer, copied out. */
export function sectorOf(buffer: Uint8Array, sector: number): Uint8Array {
  return buffer.slice(sector * SECTOR_SIZE, (sector + 1) * SECTOR_SIZE);
}

/** Puts one sector's bytes into a page buffer. */
export function putSector(buffer: Uint8Array, sector: number, bytes: Uint8Array): void {
  buffer.set(bytes, sector * SECTOR_SIZE);
}

/** Zeros one sector of a page buffer. */
export function zeroSector(buffer: Uint8Array, sector: number): void {
  buffer.fill(0, sector * SECTOR_SIZE, (sector + 1) * SECTOR_SIZE);
}

/** The page as the medium holds it in one sector, copied out. */
export function durableSector(page: Page, sector: number): Uint8Array {
  const bit = 1 << sector;
  if (((page.dirtyMask | page.divergedMask) & bit) === 0) return sectorOf(page.bytes, sector);
  return page.base === undefined ? new Uint8Array(SECTOR_SIZE) : sectorOf(page.base, sector);
}

/** What stays of a page when its file is cut within it: zeros from there on, in the cache and on the medium. */
export function cutPage(page: Page, keptBytes: number): Page {
  const kept = new Page(page.index, page.bytes.slice(), [...page.sequences]);
  kept.bytes.fill(0, keptBytes);
  kept.base = page.base?.slice();
  kept.base?.fill(0, keptBytes);
  kept.fresh = page.fresh;
  const sectorsKept = Math.ceil(keptBytes / SECTOR_SIZE);
  const mask = (1 << sectorsKept) - 1;
  kept.dirtyMask = page.dirtyMask & mask;
  kept.divergedMask = page.divergedMask & mask;
  return kept;
}
