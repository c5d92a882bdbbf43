// checkers/kv/etcd-history.ts: everything a finished history of etcd's store can be judged by.
// - linearizability: answered operations that are not serializable reads, by the revision sweep;
// - serializable-read: an old answer is fine, one that the store never held is not, nor one from the future;
// - durability: what the surviving members hold at the end follows from the acknowledged writes, all of them;
// - revision-monotonic: no client and no member sees revisions go back.
// One sweep judges the first three together: a final state is a read of everything after everything, a serializable
// read has a place but no lower bound in time. Only when it fails are they told apart by sweeps over less.
import type {KeyValue, KvStep, Operation} from '../../history/operation.ts';
import type {TimelineEvent} from '../../history/timeline.ts';
import {type Finding, type VerdictKind, verdictOf} from '../../history/verdict.ts';
import {checkByRevision, type SweepOptions, type SweepResult} from '../linearizable/revision.ts';
import {describeOperation} from '../models/describe-operation.ts';
import {isEffective} from '../models/etcd-kv.ts';
import {narrowByPersistedOrder} from './persisted-order.ts';
import {checkMemberRevisions, checkSessionRevisions} from './revision-monotonic.ts';

/** What a surviving member holds when all is over: every live pair, in key order. */
export interface FinalState {
  readonly member: string;
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
}

export interface EtcdHistory {
  /** In order of ids. */
  readonly operations: readonly Operation[];
  readonly timeline?: readonly TimelineEvent[] | undefined;
  readonly finals?: readonly FinalState[] | undefined;
  /** The store before the first operation; default: fresh, at revision 1. */
  readonly initial?: SweepOptions['initial'];
}

/** Steps of the search before the order of the log is looked at, where there is one. */
export const STEPS_BEFORE_LOG = 300_000;

/**
 * As checkEtcdHistory(), for a run whose members' logs are known: `persisted` gives every write that was applied, in order. It is
 * asked when the history alone gives no verdict within STEPS_BEFORE_LOG, and as a second opinion on a violation.
 */
export function checkEtcdHistoryWithLog(history: EtcdHistory, persisted: () => readonly KvStep[]): EtcdHistoryResult {
  const alone = checkEtcdHistory(history, STEPS_BEFORE_LOG);
  if (alone.verdict === 'ok') return alone;
  const operations = narrowByPersistedOrder(history.operations, persisted());
  if (operations === undefined) return alone;
  const narrowed = checkEtcdHistory({...history, operations}, SWEEP_STEPS_MAX_DEFAULT);
  if (alone.verdict === 'unknown') return narrowed;
  // An order that explains every answer was found, so none can be missing: the checker contradicts itself, and says so.
  return narrowed.verdict === 'ok' ? disagreement(alone) : alone;
}

function disagreement({findings, steps}: EtcdHistoryResult): EtcdHistoryResult {
  const message = `this checker contradicts itself, please report it: the log explains the history, but: ${findings[0]?.message}`;
  return {verdict: 'unknown', findings: [{check: 'checker-disagreement', kind: 'unknown', message}], steps};
}

export interface EtcdHistoryResult {
  readonly verdict: VerdictKind;
  readonly findings: readonly Finding[];
  readonly steps: number;
}

/** Steps of the search for one sweep at most, unless told otherwise. */
export const SWEEP_STEPS_MAX_DEFAULT = 10_000_000;

/** Judges a finished history. Every kind of promise broken gives one finding, with the operations that show it. */
export function checkEtcdHistory(history: EtcdHistory, stepsMax: number = SWEEP_STEPS_MAX_DEFAULT): EtcdHistoryResult {
  const {operations, timeline = [], finals = [], initial} = history;
  const findings: Finding[] = [];
  let steps = 0;
  const sweep = (extra: readonly FinalState[], withSerializable: boolean): SweepResult => {
    const all = extra.length === 0 ? operations : [...operations, ...finalReads(operations, extra)];
    const result = checkByRevision(all, {stepsMax, withSerializable, initial});
    steps += result.steps;
    return result;
  };
  const lost = finals.flatMap((final) => findLost(operations, final));
  const together = lost.length > 0 ? undefined : sweep(finals, true);
  if (together?.kind !== 'ok') {
    const alone = sweep([], false);
    if (alone.kind !== 'ok') findings.push(toFinding('linearizability', alone, operations));
    findings.push(...lost);
    if (alone.kind === 'ok') {
      const more: Finding[] = [];
      const old = sweep([], true);
      if (old.kind !== 'ok') more.push(toFinding('serializable-read', old, operations));
      for (const final of lost.length > 0 ? [] : finals) {
        const result = sweep([final], false);
        if (result.kind !== 'ok') more.push(toFinding('durability', result, operations, final));
      }
      // Each fits alone but not all together: two members' ends, or an end and an old read, contradict each other.
      if (more.length === 0 && together !== undefined) {
        more.push(toFinding(finals.length > 0 ? 'durability' : 'serializable-read', together, operations));
      }
      findings.push(...more);
    }
  }
  findings.push(...checkSessionRevisions(operations), ...checkMemberRevisions(operations, timeline));
  return {verdict: verdictOf(findings), findings, steps};
}

/** A final state as a read of all keys that begins when everything else is over. */
function finalReads(operations: readonly Operation[], finals: readonly FinalState[]): Operation[] {
  let endUs = 0;
  for (const {callUs, returnUs} of operations) endUs = Math.max(endUs, callUs, returnUs ?? 0);
  return finals.map(({member, revision, kvs}, i) => ({
    id: firstFreeId(operations) + i,
    client: -1,
    request: {kind: 'range', key: '\0', end: '\0'},
    callUs: endUs + 1,
    returnUs: endUs + 2,
    outcome: {kind: 'ok', response: {kind: 'range', kvs, count: kvs.length, more: false, revision, member}},
  }));
}

function firstFreeId(operations: readonly Operation[]): number {
  let free = 0;
  for (const {id} of operations) free = Math.max(free, id + 1);
  return free;
}

/** Acknowledged writes above the final revision: gone, whatever the rest says. Names the first. */
function findLost(operations: readonly Operation[], {member, revision}: FinalState): Finding[] {
  let first: Operation | undefined;
  let firstRevision = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const operation of operations) {
    const {outcome} = operation;
    if (outcome.kind !== 'ok' || outcome.response.revision <= revision || !isEffective(outcome.response)) continue;
    count++;
    if (outcome.response.revision >= firstRevision) continue;
    first = operation;
    firstRevision = outcome.response.revision;
  }
  if (first === undefined) return [];
  const rest = count > 1 ? ` and ${count - 1} more` : '';
  return [
    {
      check: 'durability',
      kind: 'violation',
      message: `acknowledged but lost: operation ${first.id} (${describeOperation(first)})${rest}; ${member} ended at revision ${revision}`,
      atUs: first.returnUs,
      operations: [first.id],
    },
  ];
}

function toFinding(
  check: string,
  result: Exclude<SweepResult, {readonly kind: 'ok'}>,
  operations: readonly Operation[],
  final?: FinalState,
): Finding {
  const of = final === undefined ? '' : `the state in which ${final.member} ended does not follow from the history: `;
  if (result.kind === 'unknown') return {check, kind: 'unknown', message: `${of}${result.message}`};
  const {violation} = result;
  const freeId = firstFreeId(operations);
  const real = (ids: readonly number[]) => ids.filter((id) => id < freeId);
  const shown = real(violation.operations);
  const atUs = operations.find(({id}) => id === shown[0])?.returnUs;
  return {
    check,
    kind: 'violation',
    message: `${of}${violation.message}`,
    ...(atUs === undefined ? {} : {atUs}),
    operations: shown,
    linearizations: violation.linearizations.map(real),
  };
}
