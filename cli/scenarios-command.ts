// cli/scenarios-command.ts: `etcdsim scenarios [show <name>]`: what there is to run, and the plan that a seed draws.
import {SCENARIOS} from '../scenarios/catalog.ts';
import {describeStep} from '../scenarios/life/steps.ts';
import {planOf} from '../scenarios/run-scenario.ts';
import {findScenario} from '../scenarios/scenario.ts';
import {tableLines} from './table.ts';
import {parseSeed} from './values.ts';

/** Lists the scenarios. */
export function scenariosCommand({json = false}: {readonly json?: boolean}): number {
  const list = SCENARIOS.map(({name, summary, promise}) => ({name, summary, promise}));
  const width = Math.max(...list.map(({name}) => name.length)) + 2;
  if (json) console.log(JSON.stringify(list));
  else
    for (const {name, summary, promise} of list)
      console.log(`${name.padEnd(width)}${summary}\n${' '.repeat(width)}must hold: ${promise}`);
  return 0;
}

/** Options of `show`, as they are typed. */
interface ShowOptions {
  readonly seed?: string;
  readonly json?: boolean;
  readonly path?: string;
  readonly history?: string;
}

/** Shows one scenario with the plan of a seed. */
export function scenarioShowCommand(name: string, {seed = '1', json = false, path, history}: ShowOptions): number {
  const {summary, promise} = findScenario(SCENARIOS, name);
  const choice = Object.entries({path, history}).flatMap(([what, value]) =>
    value === undefined ? [] : [{path: what, value}],
  );
  const plan = planOf(name, {seed: parseSeed(seed), overrides: choice});
  if (json) {
    console.log(JSON.stringify({name, summary, promise, plan}));
    return 0;
  }
  console.log(`${name}: ${summary}\nmust hold: ${promise}\n`);
  const {memberCount, release} = plan.cluster;
  const {clientCount, keyCount, operationsPerSecond} = plan.traffic;
  console.log(
    `seed ${seed} draws ${memberCount} members of ${release}, ${clientCount} clients on ${keyCount} keys at ${operationsPerSecond} operations/s for ${plan.safetyUs / 1e6} s:`,
  );
  const rows = plan.faults.map(({kind, atUs, durationUs, target, ...rest}) => [
    kind,
    `${(atUs / 1e6).toFixed(3)} s`,
    `${(durationUs / 1e6).toFixed(3)} s`,
    'count' in target ? `${target.count} ${target.who}` : target.who,
    Object.entries(rest)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(' '),
  ]);
  for (const line of tableLines(['fault', 'at', 'for', 'target', ''], rows)) console.log(line);
  if (plan.steps.length > 0) console.log(`\nhistory ${plan.history}; steps, each when the one before is done:`);
  for (const [index, step] of plan.steps.entries()) console.log(`${String(index).padStart(3)}. ${describeStep(step)}`);
  console.log('\nThe whole plan as JSON: add --json');
  return 0;
}
