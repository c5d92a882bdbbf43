// Nothing breaks: every request is answered, no leader changes, reads and writes are linearizable.
import * as fc from 'fast-check';
import {planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

export const healthy = scenario({
  name: 'healthy',
  summary: 'clients read and write; nothing breaks',
  promise: 'every history is linearizable and members agree',
  plans: planArbitrary({
    scenario: 'healthy',
    memberCounts: [1, 3, 5],
    safetyUs: 8 * SECOND_US,
    faults: fc.constant([]),
  }),
});
