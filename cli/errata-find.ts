// cli/errata-find.ts: `etcdsim errata find <id>`: searches seeds for a known bug, and says how to see it again.
import {InputError} from '../base/input-error.ts';
import {minorsOf, newestAffected} from '../scenarios/errata/branches.ts';
import type {ErratumSearchResult} from '../scenarios/errata/search.ts';
import {findErratum} from '../scenarios/errata/search.ts';
import {SEARCHES} from '../scenarios/errata/searches.ts';
import type {ErratumId} from '../server-core/errata/registry.ts';
import {isAffected} from '../server-core/errata/registry.ts';
import {minorOf} from '../server-core/release/release.ts';
import {checkRelease} from '../server-core/release/released.ts';
import {parseErratumId} from './errata-list.ts';
import {EXIT_OK, EXIT_UNKNOWN, EXIT_VIOLATION} from './exit-code.ts';
import {parseSeeds} from './values.ts';

/** Options as they are typed. */
export interface ErrataFindGiven {
  readonly release?: string;
  readonly seeds?: string;
  readonly json?: boolean;
}

/** Seeds that are tried when none are named. */
export const SEEDS_DEFAULT = '1..1000';

/** Runs the command; exit code 1 when a check spoke, as for any violation; 3 when none did though the release has the bug. */
export function errataFindCommand(text: string, given: ErrataFindGiven): number {
  const id = parseErratumId(text);
  const release = given.release === undefined ? newestAffected(id) : searchableRelease(id, given.release);
  const {first, last} = parseSeeds(given.seeds ?? SEEDS_DEFAULT);
  const startedMs = performance.now();
  const result = findErratum(id, release, {seeds: {from: first, to: last}});
  const seconds = (performance.now() - startedMs) / 1000;
  if (given.json) console.log(JSON.stringify({...result, seconds, replay: replayLine(result)}));
  else for (const line of findLines(result, seconds)) console.log(line);
  if (result.found !== undefined) return EXIT_VIOLATION;
  return isAffected(id, release) ? EXIT_UNKNOWN : EXIT_OK;
}

/** A release that there is and in which the search can be played. */
export function searchableRelease(id: ErratumId, text: string): string {
  const release = checkRelease(text, '--release');
  const minors = minorsOf(id);
  if (minors.includes(minorOf(release))) return release;
  const range = minors.length === 1 ? minors[0] : `${minors[0]} to ${minors.at(-1)}`;
  throw new InputError(`--release ${text}: ${id} is searched in ${range}`);
}

/** One line to paste; undefined when nothing was found. */
export function replayLine({id, release, found}: ErratumSearchResult): string | undefined {
  if (found === undefined) return undefined;
  return `etcdsim errata find ${id} --release ${release} --seeds ${found.seed}`;
}

function findLines(result: ErratumSearchResult, seconds: number): string[] {
  const {id, release, tries, simulatedUs, found} = result;
  const effort = `${tries} ${tries === 1 ? 'seed' : 'seeds'}, ${(simulatedUs / 1e6).toFixed(1)} s simulated in ${seconds.toFixed(1)} s`;
  const head = `${id} in ${release}: ${SEARCHES[id].lesson}`;
  if (found === undefined) {
    const expected = isAffected(id, release) ? 'the release has it' : 'the release does not have it';
    return [head, `not found: ${effort}; ${expected}`];
  }
  const {seed, finding, atUs, otherChecks, isThisBug} = found;
  const other = isAffected(id, release) ? `not by a check of ${id}` : `the release does not have ${id}`;
  return [
    head,
    isThisBug ? `found with seed ${seed}: ${effort}` : `something else with seed ${seed}: ${effort}; ${other}`,
    `  at      ${(atUs / 1e6).toFixed(6)} s of virtual time`,
    `  check   ${finding.check}`,
    `          ${finding.message}`,
    ...(otherChecks.length === 0 ? [] : [`  also    ${otherChecks.join(', ')}`]),
    `  again   ${replayLine(result)}`,
  ];
}
