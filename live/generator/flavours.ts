// live/generator/flavours.ts: what a stretch of a plan is mostly about. Every flavour also touches keys.
import type * as fc from 'fast-check';
import type {Op} from '../plan.ts';
import type {Features} from './arbitraries.ts';
import {kvOp} from './kv.ts';

export interface Flavour {
  readonly name: string;
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Op>;
}

/** All flavours with their weights. */
export function flavours(features: Features): Flavour[] {
  return [{name: 'keys', weight: 10, arbitrary: kvOp(features)}];
}
