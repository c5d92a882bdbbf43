// scenarios/errata/search.ts: looks for a known bug in a release: one directed experiment for each seed, until a general check speaks.
import type {Finding} from '../../history/verdict.ts';
import {type ErratumId, isAffected} from '../../server-core/errata/registry.ts';
import {finalStatesOf} from '../final-state.ts';
import type {Setting} from './experiment.ts';
import {Experiment, ExperimentOver} from './experiment.ts';
import {checkMemberLists} from './member-lists.ts';
import {SEARCHES} from './searches.ts';

/** How one known bug is met. */
export interface ErratumSearch {
  readonly id: ErratumId;
  /** What the script brings together, in a sentence. */
  readonly lesson: string;
  /** The general checks that this bug shows in; what another check finds is not this bug. */
  readonly checks: readonly string[];
  /** The oldest minor it can be played in; default: every minor. */
  readonly firstMinor?: string;
  /** The newest minor it can be played in; default: every minor. */
  readonly lastMinor?: string;
  readonly setting: (release: string) => Setting;
  /** Plays the story once; draws its times from the experiment's stream. */
  readonly script: (experiment: Experiment) => void;
}

export interface ErratumRun {
  readonly seed: number;
  /** Violations and open verdicts, what clients see in front. */
  readonly findings: readonly Finding[];
  /** Virtual time when the experiment ended. */
  readonly endUs: number;
  readonly eventCount: number;
}

/** Plays one seed in a release, and judges. */
export function runErratum(id: ErratumId, release: string, seed: number): ErratumRun {
  const search = SEARCHES[id];
  const experiment = new Experiment({seed, release, setting: search.setting(release)});
  const {evidence, world} = experiment;
  let stuck: Finding | undefined;
  try {
    search.script(experiment);
  } catch (error) {
    if (!(error instanceof ExperimentOver)) throw error;
    // After another finding nobody need wonder; without one the standstill is the finding.
    const message = `the experiment came to a standstill: ${error.message}`;
    if (!evidence.hasViolation()) stuck = {check: 'liveness', kind: 'violation', message, atUs: world.nowUs};
  }
  const isAtRest = stuck === undefined && experiment.settle();
  const servers = [...experiment.running].map(([name, server]) => ({name, server}));
  const judged = evidence.judge({
    isAtRest,
    finalStates: finalStatesOf({all: servers}),
    memberLists: isAtRest ? checkMemberLists(experiment.running, world.nowUs) : [],
  });
  const findings = stuck === undefined ? judged : [...judged, stuck];
  return {seed, findings, endUs: world.nowUs, eventCount: world.kernel.eventCount};
}

export interface SearchOptions {
  /** Both ends included. */
  readonly seeds: {readonly from: number; readonly to: number};
  /** Kernel events over all seeds, at most; the seed that passes it is still finished. Default: no bound. */
  readonly eventsMax?: number;
}

/** A seed in which checks spoke. */
export interface ErratumFound {
  readonly seed: number;
  /** What is most to be seen. */
  readonly finding: Finding;
  /** When it shows, in virtual time. */
  readonly atUs: number;
  /** The other checks that spoke. */
  readonly otherChecks: readonly string[];
  /** The release has the bug, and one of its checks spoke: this is it, and not something else. */
  readonly isThisBug: boolean;
}

export interface ErratumSearchResult {
  readonly id: ErratumId;
  readonly release: string;
  /** Seeds that were played. */
  readonly tries: number;
  readonly eventCount: number;
  /** Simulated time over all of them. */
  readonly simulatedUs: number;
  /** The first seed in which a check spoke; undefined: none did. */
  readonly found: ErratumFound | undefined;
  /** Why the search ended without a finding before its last seed. */
  readonly isBudgetSpent: boolean;
}

/** Plays seed after seed in a release that may have the bug, until a check speaks. */
export function findErratum(id: ErratumId, release: string, {seeds, eventsMax}: SearchOptions): ErratumSearchResult {
  let tries = 0;
  let eventCount = 0;
  let simulatedUs = 0;
  for (let seed = seeds.from; seed <= seeds.to; seed++) {
    if (eventsMax !== undefined && eventCount >= eventsMax) {
      return {id, release, tries, eventCount, simulatedUs, found: undefined, isBudgetSpent: true};
    }
    const run = runErratum(id, release, seed);
    tries++;
    eventCount += run.eventCount;
    simulatedUs += run.endUs;
    const found = foundIn(run, id, release);
    if (found === undefined) continue;
    return {id, release, tries, eventCount, simulatedUs, found, isBudgetSpent: false};
  }
  return {id, release, tries, eventCount, simulatedUs, found: undefined, isBudgetSpent: false};
}

function foundIn({seed, findings, endUs}: ErratumRun, id: ErratumId, release: string): ErratumFound | undefined {
  const [finding, ...others] = findings.filter(({kind}) => kind === 'violation');
  if (finding === undefined) return undefined;
  const checks = new Set(others.map(({check}) => check));
  checks.delete(finding.check);
  const isThisBug = isAffected(id, release) && SEARCHES[id].checks.includes(finding.check);
  return {seed, finding, atUs: finding.atUs ?? endUs, otherChecks: [...checks].sort(), isThisBug};
}
