// A leader that is cut off must not answer linearizable reads from its own memory, nor acknowledge writes.
import * as fc from 'fast-check';
import {faultArbitraries, leader, planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 14 * SECOND_US;
const {partition} = faultArbitraries(safetyUs, fc.constant(leader));

export const partitionLeader = scenario({
  name: 'partition-leader',
  summary: 'the leader is cut off from its peers again and again, in every shape',
  promise: 'two sides never both make progress and no read is stale',
  plans: planArbitrary({
    scenario: 'partition-leader',
    memberCounts: [3, 3, 5],
    safetyUs,
    faults: fc.array(partition, {minLength: 2, maxLength: 5}),
  }),
});
