// A member that is killed and started again has forgotten nothing it promised: terms, votes, entries, answers to clients.
import * as fc from 'fast-check';
import {faultArbitraries, planArbitrary, SECOND_US} from '../draw.ts';
import {scenario} from '../scenario.ts';

const safetyUs = 12 * SECOND_US;
const {kill, failpoint} = faultArbitraries(safetyUs);

export const crashRestart = scenario({
  name: 'crash-restart',
  summary: 'members are killed, also at named places in the middle of their work, and started again',
  promise: 'what was acknowledged or promised before a crash holds after it',
  plans: planArbitrary({
    scenario: 'crash-restart',
    memberCounts: [1, 3, 3, 5],
    safetyUs,
    faults: fc.array(fc.oneof({weight: 2, arbitrary: kill}, failpoint), {minLength: 2, maxLength: 8}),
  }),
});
