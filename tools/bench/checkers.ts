// tools/bench/checkers.ts: how fast histories are judged, in one warm thread.
// Goals are what Go Porcupine v1 needs for the same histories on a 2-core machine, and the design's for the sweep. Each
// number is the median of several rounds after one that only warms up; verdicts are checked in every round.
import {readFileSync} from 'node:fs';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {assert} from '../../base/assert.ts';
import {checkByRevision} from '../../checkers/linearizable/revision.ts';
import {keysOf, kvByKeyModel, kvWholeModel} from '../../checkers/models/kv.ts';
import {registerModel} from '../../checkers/models/register.ts';
import {checkCalls} from '../../checkers/porcupine/check.ts';
import {RaftInvariants} from '../../checkers/raft-invariants.ts';
import {type HistoryOptions, randomHistory} from '../../checkers/testing/random-history.ts';
import {createJepsenLogReader, type RegisterCall} from '../../history/readers/jepsen-log.ts';
import {createPorcupineKvReader, type KvCall} from '../../history/readers/porcupine-kv.ts';

/** One number. `goal`: at most (better 'lower') or at least ('higher') that. */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: number;
  readonly better: 'lower' | 'higher';
}

export interface CheckerBenchOptions {
  /** The folder `data` of the oracles; undefined leaves the recorded histories out. */
  readonly oracles: string | undefined;
  /** Fewer rounds and a smaller sweep. */
  readonly quick: boolean;
}

/** Runs all benchmarks of the checkers, about ten seconds (quick: two). */
export function checkerBenches({oracles, quick}: CheckerBenchOptions): BenchResult[] {
  const rounds = quick ? 3 : 9;
  return [
    ...(oracles === undefined
      ? []
      : [...jepsenBenches(`${oracles}/jepsen-etcd`, rounds * 3), ...kvBenches(`${oracles}/porcupine-kv`, rounds)]),
    ...sweepBenches(quick ? 10_000 : 100_000, rounds),
    ...invariantBenches(rounds),
  ];
}

function jepsenBenches(folder: string, rounds: number): BenchResult[] {
  const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as Record<string, boolean>;
  const texts = Object.keys(expected).map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')] as const);
  const parse = () => texts.map(([name, text]) => [name, parseJepsen(name, text)] as const);
  const judge = (histories: ReturnType<typeof parse>) => {
    for (const [name, calls] of histories) {
      const {verdict} = checkCalls(registerModel, calls);
      assert(verdict === (expected[name] === true ? 'ok' : 'violation'), 'wrong verdict', {name, verdict});
    }
  };
  const parsed = parse();
  const count = texts.length;
  return [
    {...timed(`${count} Jepsen logs, parse and check`, rounds, () => judge(parse())), goal: 23},
    {...timed(`${count} Jepsen logs, check alone`, rounds, () => judge(parsed)), goal: 23},
  ];
}

function parseJepsen(name: string, text: string): RegisterCall[] {
  const reader = createJepsenLogReader(name);
  reader.push(text);
  return reader.finish();
}

function kvBenches(folder: string, rounds: number): BenchResult[] {
  const read = (name: string): KvCall[] => {
    const reader = createPorcupineKvReader(name);
    reader.push(readFileSync(`${folder}/${name}`, 'utf8'));
    return reader.finish();
  };
  const [c50, c10] = [read('c50-ok.txt'), read('c10-ok.txt')];
  const keys = keysOf(c10);
  return [
    {
      ...timed('c50-ok partitioned by key, check', rounds, () => {
        assert(checkCalls(kvByKeyModel, c50).verdict === 'ok', 'wrong verdict on c50-ok');
      }),
      goal: 67,
    },
    {
      ...timed('c10-ok unpartitioned, check', rounds, () => {
        assert(checkCalls(kvWholeModel(keys), c10).verdict === 'ok', 'wrong verdict on c10-ok');
      }),
      goal: 1060,
    },
  ];
}

function sweepBenches(operationCount: number, rounds: number): BenchResult[] {
  const shape: HistoryOptions = {
    seed: 1,
    clientCount: 100,
    operationCount,
    keyCount: 1000,
    unknown: {numerator: 0, denominator: 1},
    rangePercent: 45,
    txnPercent: 10,
    deletePercent: 5,
    serializable: {numerator: 0, denominator: 1},
    valueCount: 0,
  };
  const results: BenchResult[] = [];
  const cases: readonly [string, HistoryOptions][] = [
    ['all answered', shape],
    ['1 in 100 unanswered', {...shape, unknown: {numerator: 1, denominator: 100}}],
  ];
  for (const [name, options] of cases) {
    const operations = randomHistory(options);
    const label = `sweep, ${operationCount} operations of 100 clients, ${name}`;
    const sweep = () => {
      const result = checkByRevision(operations, {stepsMax: 10_000_000});
      assert(result.kind === 'ok', 'wrong verdict of the sweep', {name, kind: result.kind});
    };
    results.push({...timed(label, rounds, sweep), goal: 1000});
    collectGarbage();
    sweep();
    const value = memoryInUse() / 1e6;
    results.push({name: `${label}: heap and buffers after one sweep`, value, unit: 'MB', goal: 500, better: 'lower'});
  }
  return results;
}

/** Bytes of heap and buffers of the process, garbage not yet collected included. */
function memoryInUse(): number {
  const {heapUsed, external} = process.memoryUsage();
  return heapUsed + external;
}

/** What earlier rounds left behind is not this one's. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}

function invariantBenches(rounds: number): BenchResult[] {
  const callCount = 1_000_000;
  const invariants = new RaftInvariants(() => ({atUs: 0, atEvent: 0}));
  const watch = invariants.start('m1', {termAt: () => 1, contentHashAt: (index) => index});
  watch.observe(1, 'leader', 'm1', 0, 0, 1, 0, 0);
  let last = 0;
  const idle = timed('raft invariants, nothing changed', rounds, () => {
    for (let i = 0; i < callCount; i++) watch.observe(1, 'leader', 'm1', last, last, 1, last, 0);
  });
  const growing = timed('raft invariants, one entry appended and committed', rounds, () => {
    for (let i = 0; i < callCount; i++) {
      last++;
      watch.observe(1, 'leader', 'm1', last, last, 1, last, last);
    }
  });
  assert(invariants.findings.length === 0, 'an honest log was found wrong', invariants.findings[0]);
  const perCall = (result: BenchResult): BenchResult => ({
    ...result,
    value: (result.value * 1e6) / callCount,
    unit: 'ns',
  });
  return [{...perCall(idle), goal: 200}, perCall(growing)];
}

/** The median time of a round in milliseconds. */
function timed(name: string, rounds: number, round: () => void): BenchResult {
  round();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    round();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {name, value: times[times.length >> 1] as number, unit: 'ms', better: 'lower'};
}
