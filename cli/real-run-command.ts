// cli/real-run-command.ts: `etcdsim real run --plan`: the steps of a plan with real etcd binaries and simulated ones, compared after each step and
// judged on both sides as a rolling upgrade is.
import {InputError} from '../base/input-error.ts';
import type {EtcdBinary} from '../live/real/etcd-binary.ts';
import {planLife} from '../live/upgrade/life-plan.ts';
import {findRestoreTool} from '../live/upgrade/snapshot-tool.ts';
import {type Plan, parsePlan, releasesOf} from '../scenarios/plan.ts';
import {readText} from './files.ts';
import {compareAndPrint, drawSeed, findNamed, parseBinaries} from './real-upgrade-command.ts';
import {parseSeed} from './values.ts';

/** Options as they are typed. */
export interface RealRunGiven {
  readonly plan?: string;
  readonly etcd?: readonly string[];
  readonly seed?: string;
  readonly json?: boolean;
}

/** `etcdsim real run`; returns the exit code. Nothing is started before all of it has been looked at. */
export async function realRunCommand(given: RealRunGiven): Promise<number> {
  if (given.plan === undefined)
    throw new InputError('name a plan with --plan, one of those that `etcdsim run --plan` takes');
  const own = readLifePlan(given.plan);
  const seed = given.seed === undefined ? drawSeed() : parseSeed(given.seed);
  const plan = inFile(given.plan, () => planLife(own, seed));
  const named = parseBinaries(given.etcd ?? []);
  const binaries = new Map<string, EtcdBinary>();
  for (const release of releasesOf(own)) {
    const place = named.get(release);
    if (place === undefined)
      throw new InputError(`${given.plan}: runs ${release}; name its binary with --etcd ${release}=path`);
    binaries.set(release, await findNamed(release, place));
  }
  for (const step of own.steps) {
    const binary = step.kind === 'snapshot-restore' ? binaries.get(step.release) : undefined;
    if (binary !== undefined) await findRestoreTool(binary);
  }
  return compareAndPrint(plan, binaries, given.json === true);
}

/** A plan, alone or as `plan` of a larger document, as `etcdsim run --plan` reads it. */
function readLifePlan(file: string): Plan {
  let json: unknown;
  try {
    json = JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new InputError(`${file}: not JSON: ${error.message.replaceAll(/\s+/g, ' ')}`);
    }
    throw error;
  }
  const wrapped = typeof json === 'object' && json !== null && 'plan' in json ? json.plan : undefined;
  return parsePlan(wrapped ?? json, file);
}

function inFile<T>(file: string, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof InputError) throw new InputError(`${file}: ${thrown.message}`);
    throw thrown;
  }
}
