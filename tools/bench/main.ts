// tools/bench/main.ts: `npm run bench`: how fast the simulator and the checkers are. Figures are of one process on one core; goals are
// those of the issue in work. Options: --json, --quick (shorter runs, for a look), --only <part of a name>.
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {tableLines} from '../../cli/table.ts';
import type {Plan} from '../../scenarios/plan.ts';
import {runPlan} from '../../scenarios/run.ts';
import {ROOT} from '../source-files.ts';
import {checkerBenches} from './checkers.ts';
import {runLargeBench} from './large.ts';
import {idlePlan, saturatedPlan, swarmPlan, tenSecondPlan} from './plans.ts';
import {runRaftBench} from './raft.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: number | undefined;
  readonly better: 'lower' | 'higher';
}

interface Timed {
  readonly seconds: number;
  readonly simulatedSeconds: number;
  readonly okCount: number;
  readonly events: number;
}

/** CPU seconds of this process, so that a busy neighbour counts less. */
const cpuSeconds = (): number => {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1e6;
};

function timed(plan: Plan, seed: number): Timed {
  const before = cpuSeconds();
  const {record} = runPlan(plan, {seed});
  const seconds = cpuSeconds() - before;
  if (record.verdict !== 'ok') throw new Error(`bench run, seed ${seed}: ${record.findings[0]?.message}`);
  const {simulatedUs, operationOkCount, eventCount} = record.statistics;
  return {seconds, simulatedSeconds: simulatedUs / 1e6, okCount: operationOkCount, events: eventCount};
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function idle(quick: boolean): Figure[] {
  timed(idlePlan(30), 1);
  const rates = [1, 2, 3].map((seed) => {
    const {simulatedSeconds, seconds} = timed(idlePlan(quick ? 100 : 600), seed);
    return simulatedSeconds / seconds;
  });
  return [{name: 'idle, 3 members', value: median(rates), unit: '× real time', goal: 1_000, better: 'higher'}];
}

function swarm(quick: boolean): Figure[] {
  let [simulated, cpu] = [0, 0];
  for (let seed = 1; seed <= (quick ? 10 : 60); seed++) {
    const run = timed(swarmPlan(seed), seed);
    if (seed <= 5) continue; // until the engine is warm
    simulated += run.simulatedSeconds;
    cpu += run.seconds;
  }
  return [
    {name: '100 op/s under swarm, checked', value: simulated / cpu, unit: '× real time', goal: 100, better: 'higher'},
  ];
}

function saturated(quick: boolean): Figure[] {
  timed(saturatedPlan(20, 1), 1);
  return [10, 100].flatMap((clients) => {
    const {okCount, seconds, events, simulatedSeconds} = timed(saturatedPlan(clients, quick ? 2 : 10), 2);
    const name = `saturated, ${clients} clients`;
    return [
      {
        name: `${name}: checked operations`,
        value: okCount / seconds,
        unit: 'per core-second',
        goal: 10_000,
        better: 'higher' as const,
      },
      {name: `${name}: events`, value: events / seconds, unit: 'per core-second', better: 'higher' as const},
      {
        name: `${name}: throughput inside`,
        value: okCount / simulatedSeconds,
        unit: 'per virtual second',
        better: 'higher' as const,
      },
    ];
  });
}

function runs(quick: boolean): Figure[] {
  const count = quick ? 20 : 100;
  for (let seed = 1; seed <= 10; seed++) timed(tenSecondPlan(), seed);
  const before = cpuSeconds();
  for (let seed = 1; seed <= count; seed++) timed(tenSecondPlan(), seed);
  const value = count / (cpuSeconds() - before);
  return [{name: '10-second checked runs', value, unit: 'per core-second', better: 'higher'}];
}

/** The command line, as somebody types it: three members over three minors, with traffic and checks. Start of the process included. */
function upgrade(quick: boolean): Figure[] {
  const etcdsim = join(ROOT, 'bin', 'etcdsim');
  const seconds = Array.from({length: quick ? 3 : 9}, (_, index) => {
    const given = ['--members', '3', '--path', '3.4.45,3.5.33,3.6.14', '--seed', String(index + 1)];
    const startedMs = performance.now();
    execFileSync(etcdsim, ['run', 'rolling-upgrade', ...given], {stdio: ['ignore', 'ignore', 'inherit']});
    return (performance.now() - startedMs) / 1_000;
  });
  return [
    {name: 'rolling upgrade, 3 members, 3 minors', value: median(seconds), unit: 's wall', goal: 1, better: 'lower'},
  ];
}

const heapMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Heap after the first hundred runs against heap after a thousand: a leak shows as growth. */
function memory(quick: boolean): Figure[] {
  if (globalThis.gc === undefined)
    console.error('bench: memory is measured without forced collection (node --expose-gc is missing)');
  const [early, late] = quick ? [20, 100] : [100, 1_000];
  const plan: Plan = {...tenSecondPlan(), safetyUs: 3_000_000};
  let after = 0;
  for (let seed = 1; seed <= late; seed++) {
    timed(plan, seed);
    if (seed === early) after = heapMb();
  }
  const grown = heapMb() - after;
  const idleHeap = heapMb();
  let world = 0;
  runPlan(tenSecondPlan(), {seed: 1, inspect: () => (world = heapMb() - idleHeap)});
  return [
    {name: 'one 3-member world with its history at the end', value: world, unit: 'MB', goal: 50, better: 'lower'},
    {name: `heap after ${early} runs`, value: after, unit: 'MB', better: 'lower'},
    {name: `heap growth from run ${early} to ${late}`, value: grown, unit: 'MB', goal: 5, better: 'lower'},
  ];
}

function main(): void {
  const {values} = parseArgs({
    options: {
      json: {type: 'boolean', default: false},
      quick: {type: 'boolean', default: false},
      only: {type: 'string', default: ''},
    },
  });
  const shared = join(process.env['ETCDSIM_ORACLES'] ?? join(ROOT, '..', 'shared'), 'data');
  const oracles = existsSync(shared) ? shared : undefined;
  const parts: Readonly<Record<string, () => readonly Figure[]>> = {
    idle: () => idle(values.quick),
    swarm: () => swarm(values.quick),
    saturated: () => saturated(values.quick),
    runs: () => runs(values.quick),
    upgrade: () => upgrade(values.quick),
    memory: () => memory(values.quick),
    large: () => runLargeBench(values.quick),
    raft: () => runRaftBench().map((figure) => ({...figure, better: 'higher' as const})),
    checkers: () => checkerBenches({oracles, quick: values.quick}),
  };
  const figures = Object.entries(parts).flatMap(([name, run]) => (name.includes(values.only) ? run() : []));
  if (values.json) console.log(JSON.stringify({node: process.version, figures}));
  else {
    const rows = figures.map(({name, value, unit, goal, better}) => [
      name,
      value >= 100 ? String(Math.round(value)) : value.toFixed(2),
      unit,
      goal === undefined ? '' : `${better === 'higher' ? '≥' : '≤'} ${goal}`,
      goal === undefined ? '' : (better === 'higher' ? value >= goal : value <= goal) ? 'met' : 'missed',
    ]);
    for (const line of tableLines(['benchmark', 'value', 'unit', 'goal', ''], rows)) console.log(line);
  }
}

main();
