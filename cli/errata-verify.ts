// cli/errata-verify.ts: `etcdsim errata verify`: each known bug is found in the last release of every minor that has it, and not in
// the first one that has not, with the same seeds. --write puts the outcome into docs/track-record.md.
import {writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {InputError} from '../base/input-error.ts';
import type {Branch} from '../scenarios/errata/branches.ts';
import {branchesOf, ERRATUM_IDS} from '../scenarios/errata/branches.ts';
import type {ErratumSearchResult} from '../scenarios/errata/search.ts';
import {findErratum} from '../scenarios/errata/search.ts';
import type {ErratumId} from '../server-core/errata/registry.ts';
import {parseErratumId} from './errata-list.ts';
import {trackRecordPage} from './errata-track-record.ts';
import {EXIT_OK, EXIT_VIOLATION} from './exit-code.ts';
import {parseSeeds} from './values.ts';

/** Options as they are typed. */
export interface ErrataVerifyGiven {
  readonly all?: boolean;
  readonly seeds?: string;
  readonly json?: boolean;
  readonly write?: boolean;
}

/** A search, and how long it took. */
export interface TimedSearch extends ErratumSearchResult {
  readonly seconds: number;
}

/** What came out of one minor. `affected` and `fixed` are there where the minor has such a release. */
export interface BranchOutcome {
  readonly id: ErratumId;
  readonly minor: string;
  readonly affected: TimedSearch | undefined;
  readonly fixed: TimedSearch | undefined;
  /** Found where it is, absent where it is not. */
  readonly isAsExpected: boolean;
}

/** Seeds for the affected release, unless told otherwise. */
const SEEDS_DEFAULT = '1..1000';
/** Seeds that a fixed release is tried with at least. */
const SEEDS_MIN = 20;
/** And so many times those that finding it took: absence by chance is then a matter of one in twenty. */
const SEEDS_FOLD = 3;

/** Runs the command: 0 when every bug is where it should be and nowhere else, else 1. */
export function errataVerifyCommand(texts: readonly string[], given: ErrataVerifyGiven): number {
  if (texts.length === 0 && given.all !== true) throw new InputError('errata verify: name known bugs, or say --all');
  if (texts.length > 0 && given.all === true)
    throw new InputError('errata verify: name known bugs or say --all, not both');
  const ids = given.all === true ? ERRATUM_IDS : texts.map(parseErratumId);
  if (given.write === true && given.all !== true) throw new InputError('--write: the track record is of --all bugs');
  const {first, last} = parseSeeds(given.seeds ?? SEEDS_DEFAULT);
  const outcomes: BranchOutcome[] = [];
  for (const id of ids) {
    for (const outcome of verifyErratum(id, {from: first, to: last})) {
      outcomes.push(outcome);
      if (given.json !== true) for (const line of outcomeLines(outcome)) console.log(line);
    }
  }
  const isAsExpected = outcomes.every((outcome) => outcome.isAsExpected);
  if (given.json === true) console.log(JSON.stringify({isAsExpected, outcomes}));
  else console.log(summaryLine(outcomes, isAsExpected));
  if (given.write === true) {
    const path = fileURLToPath(new URL('../docs/track-record.md', import.meta.url));
    writeFileSync(path, trackRecordPage(outcomes));
  }
  return isAsExpected ? EXIT_OK : EXIT_VIOLATION;
}

/** All minors of one bug. */
export function verifyErratum(id: ErratumId, seeds: {readonly from: number; readonly to: number}): BranchOutcome[] {
  const branches = branchesOf(id);
  const affected = new Map<string, TimedSearch>();
  let furthest = seeds.from + SEEDS_MIN - 1;
  for (const branch of branches) {
    if (branch.affected === undefined) continue;
    const search = timed(id, branch.affected, seeds);
    affected.set(branch.minor, search);
    furthest = Math.max(furthest, seeds.from - 1 + SEEDS_FOLD * search.tries);
  }
  return branches.map((branch) => outcomeOf(id, branch, affected.get(branch.minor), {from: seeds.from, to: furthest}));
}

function outcomeOf(
  id: ErratumId,
  {minor, fixed}: Branch,
  affected: TimedSearch | undefined,
  seeds: {readonly from: number; readonly to: number},
): BranchOutcome {
  const clean = fixed === undefined ? undefined : timed(id, fixed, seeds);
  const isFound = affected === undefined || affected.found?.isThisBug === true;
  return {id, minor, affected, fixed: clean, isAsExpected: isFound && clean?.found === undefined};
}

function timed(id: ErratumId, release: string, seeds: {readonly from: number; readonly to: number}): TimedSearch {
  const startedMs = performance.now();
  const result = findErratum(id, release, {seeds});
  return {...result, seconds: (performance.now() - startedMs) / 1000};
}

function outcomeLines({id, affected, fixed}: BranchOutcome): string[] {
  const lines: string[] = [];
  const line = ({release, seconds}: TimedSearch, text: string) =>
    lines.push(`${id.padEnd(14)}${release.padEnd(8)}${seconds.toFixed(1).padStart(6)} s  ${text}`);
  if (affected !== undefined) {
    const {found, tries} = affected;
    line(
      affected,
      found === undefined
        ? `NOT FOUND in ${tries} seeds`
        : `${found.isThisBug ? 'found' : 'SOMETHING ELSE'}, seed ${found.seed}: ${found.finding.check}`,
    );
  }
  if (fixed !== undefined) {
    const {found, tries} = fixed;
    line(
      fixed,
      found === undefined ? `absent in ${tries} seeds` : `PRESENT, seed ${found.seed}: ${found.finding.message}`,
    );
  }
  return lines;
}

function summaryLine(outcomes: readonly BranchOutcome[], isAsExpected: boolean): string {
  const ids = new Set(outcomes.map(({id}) => id)).size;
  const found = outcomes.filter(({affected}) => affected?.found !== undefined).length;
  const absent = outcomes.filter(({fixed}) => fixed !== undefined && fixed.found === undefined).length;
  const wrong = outcomes.filter((outcome) => !outcome.isAsExpected).length;
  const verdict = isAsExpected ? 'all as it should be' : `${wrong} not as it should be`;
  return `${ids} known bugs: found in ${found} affected releases, absent in ${absent} others; ${verdict}`;
}
