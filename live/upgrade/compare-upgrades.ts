// live/upgrade/compare-upgrades.ts: two worlds' ways through the same plan, held against each other field by field.
import {LOOK_FIELDS} from './look.ts';
import type {UpgradeRun} from './operator.ts';

/** One thing that the two worlds do not show alike. */
export interface UpgradeDifference {
  /** Place of the step; 0 is the founding. */
  readonly step: number;
  readonly text: string;
  /** Empty: about the step itself. */
  readonly member: string;
  readonly field: string;
  readonly real: string;
  readonly simulated: string;
}

const NOT_REACHED = 'not reached';

/** Everything that differs, in the order of the steps; where one world has stopped, the first step that it did not reach. */
export function compareUpgrades(real: UpgradeRun, simulated: UpgradeRun): UpgradeDifference[] {
  const differences: UpgradeDifference[] = [];
  for (let step = 0; step < Math.max(real.steps.length, simulated.steps.length); step++) {
    const [a, b] = [real.steps[step], simulated.steps[step]];
    const text = a?.text ?? b?.text ?? '';
    const add = (member: string, field: string, left: string, right: string): void => {
      if (left !== right) differences.push({step, text, member, field, real: left, simulated: right});
    };
    if (a === undefined || b === undefined) {
      add('', 'outcome', a?.outcome ?? NOT_REACHED, b?.outcome ?? NOT_REACHED);
      break;
    }
    add('', 'outcome', a.outcome, b.outcome);
    const names = new Set([...a.members, ...b.members].map(({name}) => name));
    for (const name of names) {
      const [left, right] = [a, b].map((seen) => seen.members.find((member) => member.name === name));
      for (const field of LOOK_FIELDS) add(name, field, left?.[field] ?? 'not there', right?.[field] ?? 'not there');
    }
  }
  return differences;
}
