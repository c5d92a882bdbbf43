// sim/disk-faults.ts: the ways in which a disk may be told to fail, and the board on which a disk looks them up.
// A rule acts where it is told to (path, offset), as often as it is told to, until it is lifted. Rules overlap freely.
// Faults of the medium (lost, misdirected, corrupted writes) stay hidden behind the page cache until a power cut or
// dropCaches(), as they do on a real machine.
import {assert} from '../base/assert.ts';
import type {Random, Ratio} from '../base/random.ts';
import {Signal} from '../env/fiber.ts';

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'preallocate'
  | 'make-directory'
  | 'list'
  | 'stat'
  | 'rename'
  | 'remove'
  | 'sync-directory';

/** Where an operation acts. The path is the file's present one; offset and size are 0 where they mean nothing. */
export interface DiskPlace {
  readonly operation: DiskOperation;
  readonly path: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Where and how often a rule acts. Faults that damage sectors ask for each sector of 512 bytes. */
export interface DiskFaultScope {
  /** Default: everywhere. */
  readonly where?: (place: DiskPlace) => boolean;
  /** Drawn for each operation (or sector) that the rule reaches. Default: always. Not for 'slow', 'full' and 'stalled'. */
  readonly chance?: Ratio;
  /** The rule lifts itself after so many hits. Default: never. Not for 'slow', 'full' and 'stalled'. */
  readonly timesMax?: number;
}

export type DiskFaultRule = DiskFaultScope &
  (
    | {
        /** The operations fail. A write may leave a prefix behind; a sync does as 'sync-error' with its cache drawn. */
        readonly kind: 'error';
        readonly operations: readonly DiskOperation[];
        readonly code: 'EIO' | 'ENOSPC';
      }
    | {
        /**
         * fsync answers EIO. Each sector that it had to write is durable or not, by draw; those that are not are clean all the same, so
         * the next fsync says ok without writing them (Linux; "fsyncgate"). Processes go on seeing them ('kept') or see
         * what the medium holds ('dropped').
         */
        readonly kind: 'sync-error';
        readonly cache: 'kept' | 'dropped' | 'drawn';
      }
    /** No more room than that, in bytes; what is there stays. 0: every write that needs room fails. */
    | {readonly kind: 'full'; readonly capacityBytes: number}
    /** Operations take factor times as long; of several rules the slowest counts. */
    | {readonly kind: 'slow'; readonly factor: number}
    /** Operations do not return until the rule is lifted. */
    | {readonly kind: 'stalled'}
    /** fsync says ok and the medium keeps what it had. */
    | {readonly kind: 'lost-write'}
    /** fsync says ok and the sector went over another one of the file; its own place keeps what it had. */
    | {readonly kind: 'misdirected-write'}
    /** fsync says ok and the medium has flipped bits. */
    | {readonly kind: 'corrupt-write'}
    /** A read returns a sector with flipped bits; the next one may be right. */
    | {readonly kind: 'corrupt-read'}
    /** A read returns a sector as it was before its last fsync (known for those that were synced under the rule), or before its last write. */
    | {readonly kind: 'stale-read'}
    /** syncDirectory says ok and does nothing. */
    | {readonly kind: 'directory-sync-ignored'}
  );

export type DiskFaultKind = DiskFaultRule['kind'];

/** A rule in force. */
export interface FaultHandle {
  /** Operations or sectors on which it has acted. */
  readonly hitCount: number;
  /** Ends it. Doing so twice does nothing. */
  lift(): void;
}

class ArmedRule {
  readonly rule: DiskFaultRule;
  hitCount = 0;
  constructor(rule: DiskFaultRule) {
    this.rule = rule;
  }

  covers(place: DiskPlace): boolean {
    return this.rule.where === undefined || this.rule.where(place);
  }
}

export class FaultBoard {
  /** Notified whenever a rule ends. */
  readonly lifted = new Signal();
  private rules: ArmedRule[] = [];
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** True while any rule is in force: look no further while it is false. */
  get armed(): boolean {
    return this.rules.length > 0;
  }

  inject(rule: DiskFaultRule): FaultHandle {
    if (rule.kind === 'slow')
      assert(Number.isInteger(rule.factor) && rule.factor >= 1, 'a slow disk has a whole factor');
    if (rule.kind === 'full') assert(rule.capacityBytes >= 0, 'a full disk has a capacity', {rule: rule.kind});
    assert(rule.timesMax === undefined || rule.timesMax >= 1, 'a rule acts once at least', {kind: rule.kind});
    const armed = new ArmedRule(rule);
    this.rules = [...this.rules, armed];
    return {
      get hitCount() {
        return armed.hitCount;
      },
      lift: () => this.lift(armed),
    };
  }

  /** True while a rule of that kind is in force anywhere. */
  has(kind: DiskFaultKind): boolean {
    return this.rules.some(({rule}) => rule.kind === kind);
  }

  /** The first rule of the kind that acts here now; it counts as a hit. */
  hit<K extends DiskFaultKind>(kind: K, place: DiskPlace): Extract<DiskFaultRule, {kind: K}> | undefined {
    for (const armed of this.rules) {
      const {rule} = armed;
      if (rule.kind !== kind || !armed.covers(place)) continue;
      if (rule.kind === 'error' && !rule.operations.includes(place.operation)) continue;
      if (rule.chance !== undefined && !this.random.chance(rule.chance)) continue;
      armed.hitCount++;
      if (rule.timesMax !== undefined && armed.hitCount >= rule.timesMax) this.lift(armed);
      return rule as Extract<DiskFaultRule, {kind: K}>;
    }
    return undefined;
  }

  isStalled(place: DiskPlace): boolean {
    for (const armed of this.rules) {
      if (armed.rule.kind !== 'stalled' || !armed.covers(place)) continue;
      armed.hitCount++;
      return true;
    }
    return false;
  }

  slowFactor(place: DiskPlace): number {
    let factor = 1;
    for (const armed of this.rules) {
      if (armed.rule.kind !== 'slow' || !armed.covers(place)) continue;
      armed.hitCount++;
      factor = Math.max(factor, armed.rule.factor);
    }
    return factor;
  }

  /** The least capacity that a rule allows for that place; undefined: none does. */
  capacityBytes(place: DiskPlace): number | undefined {
    let least: number | undefined;
    for (const armed of this.rules) {
      if (armed.rule.kind !== 'full' || !armed.covers(place)) continue;
      armed.hitCount++;
      least = least === undefined ? armed.rule.capacityBytes : Math.min(least, armed.rule.capacityBytes);
    }
    return least;
  }

  private lift(armed: ArmedRule): void {
    if (!this.rules.includes(armed)) return;
    this.rules = this.rules.filter((other) => other !== armed);
    this.lifted.notify();
  }
}
