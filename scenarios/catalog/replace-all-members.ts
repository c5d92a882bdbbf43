// Every member is replaced by one on another machine, with the next release of the path where there is one.
import * as fc from 'fast-check';
import {SINGLE_RELEASES, UPGRADE_PATHS} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkReplacementPath} from '../life/paths.ts';
import type {Step} from '../life/steps.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'replace-all-members',
  paths: fc.oneof(
    SINGLE_RELEASES.map((release) => [release]),
    UPGRADE_PATHS,
  ),
  checkPath: (path) => checkReplacementPath('replace-all-members', path),
  memberCounts: [3, 3, 5],
  steps: ({path, rolling, newName}) => {
    const rounds = path.length === 1 ? path : path.slice(1);
    let [present, count] = [rolling.order, 0];
    const steps: Step[] = [];
    for (const release of rounds) {
      const next = present.map(() => newName(count++));
      for (const [index, by] of next.entries()) {
        steps.push({kind: 'replace-member', member: present[index] as string, by, release}, {kind: 'wait-healthy'});
      }
      present = next;
    }
    return steps;
  },
};

export const replaceAllMembers = scenario({
  name: 'replace-all-members',
  summary: 'each member is removed and replaced by a new one on another machine, release by release',
  promise: 'nothing of the data was tied to the members that are gone',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
