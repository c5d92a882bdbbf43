// sim/link.ts: one direction between two hosts: how long a frame takes. Whole microseconds, bytes and ratios only.
// Loss shows as TCP shows it: a lost segment comes again after a timeout that doubles, and holds back what follows it.
import {assert} from '../base/assert.ts';
import type {Random} from '../base/random.ts';

export interface LinkOptions {
  /** Every frame takes that long at least, and up to the spread longer. */
  readonly latencyUsMin: number;
  readonly latencyUsSpread: number;
  /** One frame in so many takes up to tailUsMax; 0: none. */
  readonly tailOneIn: number;
  readonly tailUsMax: number;
  readonly bytesPerUs: number;
  /** One frame in so many is lost and sent again; 0: none. */
  readonly lossOneIn: number;
  /** How long until a lost frame is sent again the first time. */
  readonly retransmitUs: number;
}

/** One data centre. */
export const LINK_DEFAULTS: LinkOptions = {
  latencyUsMin: 200,
  latencyUsSpread: 300,
  tailOneIn: 1_000,
  tailUsMax: 20_000,
  bytesPerUs: 125,
  lossOneIn: 0,
  retransmitUs: 200_000,
};

/** Fills in the defaults, checks, freezes. */
export function qualifyLink(partial: Partial<LinkOptions> = {}): LinkOptions {
  const options = {...LINK_DEFAULTS, ...partial};
  for (const [name, value] of Object.entries(options)) {
    assert(Number.isSafeInteger(value) && value >= 0, 'link options are whole numbers from 0 on', {name, value});
  }
  assert(options.bytesPerUs > 0, 'a link moves bytes');
  return Object.freeze(options);
}

/** A worsening of a link that lasts until it is lifted. Several add up. */
export interface LinkTrouble {
  readonly latencyUs: number;
  readonly lossOneIn: number;
}

const RETRANSMITS_MAX = 6;
/** Between processes of one host. */
const LOOPBACK_US = 20;

export class Link {
  readonly from: number;
  readonly to: number;
  private readonly random: Random;
  private readonly options: LinkOptions;
  private troubles: readonly LinkTrouble[] = [];

  constructor(from: number, to: number, random: Random, options: LinkOptions) {
    this.from = from;
    this.to = to;
    this.random = random;
    this.options = options;
  }

  addTrouble(trouble: LinkTrouble): void {
    this.troubles = [...this.troubles, trouble];
  }

  removeTrouble(trouble: LinkTrouble): void {
    this.troubles = this.troubles.filter((other) => other !== trouble);
  }

  /** How long a frame of that size takes. */
  drawDelayUs(sizeBytes: number, onLoss: () => void): number {
    const {options, random} = this;
    if (this.from === this.to) return LOOPBACK_US;
    let delayUs = options.latencyUsMin + Math.floor(sizeBytes / options.bytesPerUs);
    if (options.latencyUsSpread > 0) delayUs += random.below(options.latencyUsSpread);
    if (options.tailOneIn > 0 && random.below(options.tailOneIn) === 0) delayUs += random.below(options.tailUsMax + 1);
    delayUs += this.drawLossUs(options.lossOneIn, onLoss);
    for (const {latencyUs, lossOneIn} of this.troubles) {
      if (latencyUs > 0) delayUs += latencyUs + random.below(latencyUs);
      delayUs += this.drawLossUs(lossOneIn, onLoss);
    }
    return delayUs;
  }

  private drawLossUs(lossOneIn: number, onLoss: () => void): number {
    if (lossOneIn === 0) return 0;
    let delayUs = 0;
    let timeoutUs = this.options.retransmitUs;
    for (let tries = 0; tries < RETRANSMITS_MAX && this.random.below(lossOneIn) === 0; tries++) {
      onLoss();
      delayUs += timeoutUs;
      timeoutUs *= 2;
    }
    return delayUs;
  }

  /** When a frame that a cut held back is sent again, after the cut is gone. */
  drawRetransmitUs(): number {
    return this.random.below(this.options.retransmitUs + 1);
  }
}
