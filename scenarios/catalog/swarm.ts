// Each seed switches a random subset of all faults on; whatever they do together, nothing promised is broken.
// Swarm testing: Groce and others, ISSTA 2012: leaving kinds out finds more than always having all of them in.
import * as fc from 'fast-check';
import type {FaultKind} from '../draw.ts';
import {faultArbitraries, planArbitrary, SECOND_US} from '../draw.ts';
import type {Fault} from '../plan.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 15 * SECOND_US;
const arbitraries = faultArbitraries(safetyUs);
const kinds = Object.keys(arbitraries).sort() as FaultKind[];

const faults = fc
  .subarray(kinds, {minLength: 1})
  .chain((chosen) =>
    fc.array(fc.oneof(...chosen.map((kind): fc.Arbitrary<Fault> => arbitraries[kind])), {minLength: 1, maxLength: 12}),
  );

export const swarm = scenario({
  name: 'swarm',
  summary: 'a random subset of all kinds of faults, drawn anew for each seed',
  promise: 'safety under everything, and progress once it is over',
  plans: planArbitrary({scenario: 'swarm', memberCounts: [1, 3, 3, 3, 5], safetyUs, faults}),
});
