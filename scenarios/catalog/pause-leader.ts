// A leader paused past its term must not answer a linearizable read from before the pause, nor believe its lease.
import * as fc from 'fast-check';
import {faultArbitraries, leader, planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 14 * SECOND_US;
const {pause} = faultArbitraries(safetyUs, fc.constant(leader));

export const pauseLeader = scenario({
  name: 'pause-leader',
  summary: 'the leader stops (SIGSTOP) for a while and goes on as if nothing had happened',
  promise: 'an old leader that wakes up does no harm',
  plans: planArbitrary({
    scenario: 'pause-leader',
    memberCounts: [3, 3, 5],
    safetyUs,
    faults: fc.array(pause, {minLength: 2, maxLength: 5}),
  }),
});
