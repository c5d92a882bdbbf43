// The power fails, for one member or for the whole room: what was not fsynced is gone, what was acknowledged is not.
import * as fc from 'fast-check';
import {everybody, faultArbitraries, planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 12 * SECOND_US;
const {'power-off': anybody, failpoint} = faultArbitraries(safetyUs);
const {'power-off': room} = faultArbitraries(safetyUs, fc.constant(everybody));

export const powerLoss = scenario({
  name: 'power-loss',
  summary: 'machines lose their power, alone or all at once; unsynced writes are lost or torn',
  promise: 'no acknowledged write is lost and no vote is forgotten',
  plans: planArbitrary({
    scenario: 'power-loss',
    memberCounts: [1, 3, 3, 5],
    safetyUs,
    faults: fc.array(
      fc.oneof(
        {weight: 2, arbitrary: anybody},
        {weight: 2, arbitrary: room},
        {weight: 1, arbitrary: failpoint.map((fault) => ({...fault, how: 'power-off' as const}))},
      ),
      {minLength: 2, maxLength: 8},
    ),
  }),
});
