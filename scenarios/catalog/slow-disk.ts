// A slow, stalled, full or failing disk delays a member or stops it; it never makes it lie.
import * as fc from 'fast-check';
import {faultArbitraries, planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 14 * SECOND_US;
const faults = faultArbitraries(safetyUs);

export const slowDisk = scenario({
  name: 'slow-disk',
  summary: 'disks get slow, stall, fill up or fail to sync',
  promise: 'a member that cannot store does not acknowledge',
  plans: planArbitrary({
    scenario: 'slow-disk',
    memberCounts: [1, 3, 3, 5],
    safetyUs,
    faults: fc.array(
      fc.oneof(
        {weight: 3, arbitrary: faults['slow-disk']},
        {weight: 2, arbitrary: faults['stall-disk']},
        {weight: 1, arbitrary: faults['fsync-error']},
        {weight: 1, arbitrary: faults['disk-full']},
      ),
      {minLength: 2, maxLength: 6},
    ),
  }),
});
