// tools/fidelity.ts: `npm run fidelity`: the simulated releases against the real ones, release by release, as one table.
// Options: --etcd <folder of <release>/etcd>, --releases a,b, --members 1,3, --seeds <count>, --first <seed>, --ops <count>, --json.
// Without --first the seeds are drawn anew and printed: every run asks something that was never asked before.
import {randomInt} from 'node:crypto';
import {existsSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {InputError} from '../base/input-error.ts';
import {tableLines} from '../cli/table.ts';
import {compareSeed} from '../live/compare/compare.ts';
import {show} from '../live/compare/difference.ts';
import {findEtcd} from '../live/real/etcd-binary.ts';

interface Row {
  readonly release: string;
  readonly members: number;
  readonly seeds: string;
  readonly operations: number;
  readonly calls: number;
  readonly different: number;
  readonly first: string;
  readonly seconds: number;
}

const DIFFERENCES_MAX = 10;

async function fidelity(release: string, folder: string, members: 1 | 3, first: number, given: Given): Promise<Row> {
  const etcd = await findEtcd(join(folder, release), release);
  const startedMs = performance.now();
  let [operations, calls, different, shown] = [0, 0, 0, ''];
  for (let seed = first; seed < first + given.seeds; seed++) {
    const comparison = await compareSeed({
      etcd,
      simulated: release,
      memberCount: members,
      seed,
      opCount: given.ops,
      differencesMax: DIFFERENCES_MAX,
      shrink: false,
      self: false,
      progress: () => undefined,
    });
    operations += comparison.opCount;
    for (const row of comparison.rows) calls += row.calls;
    different += comparison.differences.length;
    // The table has room for the first; whoever looks for the causes needs all.
    for (const {rpc, field, left, right} of comparison.differences) {
      const line = (max: number): string => `seed ${seed}, ${rpc}: ${field}: ${show(left, max)} / ${show(right, max)}`;
      console.error(`${release}, ${members} member(s), ${line(200)}`);
      if (shown === '') shown = line(40);
    }
  }
  const seeds = given.seeds === 1 ? `${first}` : `${first}..${first + given.seeds - 1}`;
  return {release, members, seeds, operations, calls, different, first: shown, seconds: secondsSince(startedMs)};
}

const secondsSince = (startedMs: number): number => Math.round((performance.now() - startedMs) / 1000);

interface Given {
  readonly folder: string;
  readonly releases: readonly string[];
  readonly members: readonly (1 | 3)[];
  readonly seeds: number;
  readonly first: number | undefined;
  readonly ops: number;
  readonly json: boolean;
}

function given(): Given {
  const {values} = parseArgs({
    options: {
      etcd: {type: 'string', default: process.env['ETCDSIM_REAL_ETCD'] ?? join(homedir(), '.cache/real-etcd')},
      releases: {type: 'string', default: '3.3.25,3.4.23,3.5.16'},
      members: {type: 'string', default: '1,3'},
      seeds: {type: 'string', default: '3'},
      first: {type: 'string'},
      ops: {type: 'string', default: '500'},
      json: {type: 'boolean', default: false},
    },
  });
  const count = (text: string, name: string): number => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new InputError(`--${name} ${text}: takes a whole number from 1 on`);
    return Number(text);
  };
  if (!existsSync(values.etcd)) {
    throw new InputError(
      `${values.etcd}: no real etcd there; run ../shared/tools/real-etcd.sh, or name a folder with --etcd`,
    );
  }
  const members = values.members.split(',').map((text) => {
    if (text !== '1' && text !== '3') throw new InputError(`--members ${values.members}: takes 1, 3 or 1,3`);
    return text === '1' ? 1 : 3;
  });
  return {
    folder: values.etcd,
    releases: values.releases.split(','),
    members,
    seeds: count(values.seeds, 'seeds'),
    first: values.first === undefined ? undefined : count(values.first, 'first'),
    ops: count(values.ops, 'ops'),
    json: values.json,
  };
}

async function main(): Promise<void> {
  const asked = given();
  const rows: Row[] = [];
  for (const release of asked.releases) {
    for (const members of asked.members) {
      const first = asked.first ?? randomInt(1, 2 ** 31);
      const row = await fidelity(release, asked.folder, members, first, asked);
      rows.push(row);
      if (!asked.json)
        console.error(
          `${release}, ${members} member(s), seeds ${row.seeds}: ${row.different} different ${row.first}`.trimEnd(),
        );
    }
  }
  if (asked.json) console.log(JSON.stringify(rows, undefined, 2));
  else {
    const header = ['real etcd', 'members', 'seeds', 'operations', 'calls compared', 'different', 'seconds', ''];
    const lines = rows.map((row) =>
      [row.release, row.members, row.seeds, row.operations, row.calls, row.different, row.seconds, row.first].map(
        String,
      ),
    );
    for (const line of tableLines(header, lines)) console.log(line.trimEnd());
  }
  if (rows.some(({different}) => different > 0)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(`fidelity: ${error.message}`);
  process.exitCode = 2;
}
