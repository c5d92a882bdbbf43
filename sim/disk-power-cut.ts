// sim/disk-power-cut.ts: what a power cut leaves of one file.
// Four kinds of cut: nothing volatile survives; everything does; the state of one instant does, the write of that instant
// torn between two sectors; any subset of the dirty sectors does, each in any version since the last fsync (the kernel and the
// drive reorder). Sizes survive as a prefix of their changes. A lost truncation brings back all that it cut off.
// Promise: every sector afterwards shows a version that was written or that was durable before, never anything else
// (with sectorsTorn: two versions of one sector, cut at a byte); what an fsync covered shows nothing older than that.
import type {Random} from '../base/random.ts';
import type {FileContent, Overwritten} from './disk-content.ts';
import {clipToSize} from './disk-content.ts';
import type {Page} from './disk-page.ts';
import {durableSector, PAGE_SIZE, putSector, SECTOR_SIZE, SECTORS_PER_PAGE, sectorOf} from './disk-page.ts';

/** How one power cut treats all that is volatile on a disk. */
export interface PowerCut {
  readonly mode: 'lost' | 'kept' | 'instant' | 'subset';
  /** For 'instant': the write under way. Earlier ones are durable, later ones are not. */
  readonly sequence: number;
  /** For 'subset': a sector shows its last version with these odds of 8. */
  readonly keptOfEight: number;
  readonly sectorsTorn: boolean;
  readonly random: Random;
}

/** Dirty sectors that show their last version afterwards, those that do not, and writes of which only a part is there. */
export interface CutCounts {
  kept: number;
  lost: number;
  torn: number;
}

interface Version {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** A dirty sector: its versions from the durable one (sequence 0) to what processes saw last. */
interface DirtySector {
  readonly page: Page;
  readonly sector: number;
  readonly versions: readonly Version[];
}

/** Turns what processes saw of a file into what is there after the cut. */
export function cutPower(content: FileContent, cut: PowerCut, counts: CutCounts): void {
  undoSizes(content, cut);
  const all = dirtySectors(content);
  const sectors = all.filter(({page, sector}) => page.index * PAGE_SIZE + sector * SECTOR_SIZE < content.sizeBytes);
  counts.lost += all.length - sectors.length;
  const chosen = new Map<DirtySector, number>();
  for (const sector of sectors) chosen.set(sector, chooseVersion(sector, cut));
  if (cut.mode === 'instant') tearInstant(sectors, chosen, cut);
  countTorn(sectors, chosen, counts);
  for (const sector of sectors) show(sector, chosen.get(sector) ?? 0, cut, counts);
  content.dropCaches();
  content.forgetVolatile();
  clipToSize(content);
  content.reservedBytes = Math.min(content.reservedBytes, content.sizeBytes);
}

/** A prefix of the changes of size survives; the rest is undone, last first. */
function undoSizes(content: FileContent, cut: PowerCut): void {
  const {sizeChanges} = content;
  const kept = survivingSizes(content, cut);
  const undone = sizeChanges.length > kept;
  while (sizeChanges.length > kept) {
    const change = sizeChanges.pop();
    if (change === undefined) break;
    content.sizeBytes = change.sizeBefore;
    if (change.removed === undefined) continue;
    // What was written there since went to other blocks of the medium than what comes back now.
    for (const index of [...content.pages.keys()]) if (index >= change.cutIndex) content.pages.delete(index);
    for (const page of change.removed) content.adopt(page);
  }
  if (!undone) return;
  const current = [...new Set(content.dirtyPages)].filter((page) => content.isCurrent(page));
  content.dirtyPages = current;
}

function survivingSizes({sizeChanges}: FileContent, cut: PowerCut): number {
  switch (cut.mode) {
    case 'lost':
      return 0;
    case 'kept':
      return sizeChanges.length;
    case 'subset':
      return cut.random.below(sizeChanges.length + 1);
    case 'instant': {
      let count = 0;
      while (count < sizeChanges.length && (sizeChanges[count]?.sequence ?? 0) < cut.sequence) count++;
      const underWay = count < sizeChanges.length && sizeChanges[count]?.sequence === cut.sequence;
      return underWay ? count + cut.random.below(2) : count;
    }
  }
}

/** All dirty sectors by their place in the file. */
function dirtySectors(content: FileContent): DirtySector[] {
  const older = new Map<string, Overwritten[]>();
  for (const version of content.overwritten) {
    if (!content.isCurrent(version.page)) continue;
    const key = `${version.page.index}/${version.sector}`;
    const list = older.get(key);
    if (list === undefined) older.set(key, [version]);
    else list.push(version);
  }
  const sectors: DirtySector[] = [];
  for (const page of [...content.dirtyPages].sort((a, b) => a.index - b.index)) {
    for (let sector = 0; sector < SECTORS_PER_PAGE; sector++) {
      if ((page.dirtyMask & (1 << sector)) === 0) continue;
      const versions: Version[] = [{sequence: 0, bytes: durableSector(page, sector)}];
      for (const {sequence, bytes} of older.get(`${page.index}/${sector}`) ?? []) versions.push({sequence, bytes});
      versions.push({sequence: page.sequences[sector] as number, bytes: sectorOf(page.bytes, sector)});
      sectors.push({page, sector, versions});
    }
  }
  return sectors;
}

function chooseVersion({versions}: DirtySector, cut: PowerCut): number {
  const last = versions.length - 1;
  switch (cut.mode) {
    case 'lost':
      return 0;
    case 'kept':
      return last;
    case 'subset':
      return cut.random.below(8) < cut.keptOfEight ? last : cut.random.below(last);
    case 'instant': {
      let at = last;
      while (at > 0 && (versions[at]?.sequence ?? 0) >= cut.sequence) at--;
      return at;
    }
  }
}

/** Of the write that was under way, the first sectors are there, in any number. */
function tearInstant(sectors: readonly DirtySector[], chosen: Map<DirtySector, number>, cut: PowerCut): void {
  const touched = sectors.filter(({versions}) => versions.some(({sequence}) => sequence === cut.sequence));
  const survivingCount = cut.random.below(touched.length + 1);
  for (const sector of touched.slice(0, survivingCount)) {
    chosen.set(
      sector,
      sector.versions.findLastIndex(({sequence}) => sequence === cut.sequence),
    );
  }
}

/** A write is torn when some of the sectors that show it last got it and others did not. */
function countTorn(sectors: readonly DirtySector[], chosen: Map<DirtySector, number>, counts: CutCounts): void {
  const seen = new Map<number, number>();
  for (const sector of sectors) {
    const last = sector.versions.length - 1;
    const sequence = sector.versions[last]?.sequence ?? 0;
    seen.set(sequence, (seen.get(sequence) ?? 0) | (chosen.get(sector) === last ? 1 : 2));
  }
  for (const outcome of seen.values()) if (outcome === 3) counts.torn++;
}

function show({page, sector, versions}: DirtySector, chosen: number, cut: PowerCut, counts: CutCounts): void {
  const version = versions[chosen] as Version;
  const last = versions.length - 1;
  if (chosen === last) counts.kept++;
  else counts.lost++;
  let bytes = version.bytes;
  if (cut.sectorsTorn && chosen < last && cut.random.below(4) === 0) {
    // The next version was on its way to the medium: its first bytes have arrived.
    bytes = bytes.slice();
    bytes.set((versions[chosen + 1] as Version).bytes.subarray(0, cut.random.between(1, SECTOR_SIZE - 1)));
    counts.torn++;
  }
  putSector(page.bytes, sector, bytes);
}
