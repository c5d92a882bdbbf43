// checkers/kv/revision-monotonic.ts: the store's revision never decreases, as seen through answers.
// Two views: a client's own linearizable operations, one after the other; and one member's answers of any kind while it
// was not restarted (a member may lose what it applied but had not stored when it restarts, and apply it again).
// Only pairs that real time orders strictly are compared: the first returned before the second was called.
import type {Operation} from '../../history/operation.ts';
import type {TimelineEvent} from '../../history/timeline.ts';
import type {Finding} from '../../history/verdict.ts';
import {describeOperation} from '../models/describe-operation.ts';
import {isSerializableRead} from '../models/etcd-search.ts';

/** One finding at most for each group: once back, a revision stays back for a while. */
interface Answer {
  readonly operation: Operation;
  readonly revision: number;
  readonly callUs: number;
  readonly returnUs: number;
}

/** Checks every client's linearizable answers. */
export function checkSessionRevisions(operations: readonly Operation[]): Finding[] {
  const byClient = new Map<string, Answer[]>();
  for (const operation of operations) {
    if (!isSerializableRead(operation)) add(byClient, `client ${operation.client}`, operation);
  }
  return checkGroups(byClient);
}

/** Checks every member's answers between its starts. An operation under way at a start belongs to neither side. */
export function checkMemberRevisions(operations: readonly Operation[], timeline: readonly TimelineEvent[]): Finding[] {
  const startsOf = new Map<string, number[]>();
  for (const event of timeline) {
    if (event.kind !== 'start') continue;
    const starts = startsOf.get(event.member);
    if (starts === undefined) startsOf.set(event.member, [event.atUs]);
    else starts.push(event.atUs);
  }
  for (const starts of startsOf.values()) starts.sort((a, b) => a - b);
  const byLife = new Map<string, Answer[]>();
  for (const operation of operations) {
    const {outcome, callUs, returnUs} = operation;
    if (outcome.kind !== 'ok' || returnUs === undefined) continue;
    const {member} = outcome.response;
    const starts = startsOf.get(member) ?? [];
    const life = countUpTo(starts, callUs);
    if (countUpTo(starts, returnUs) === life)
      add(byLife, life <= 1 ? member : `${member} after restart ${life - 1}`, operation);
  }
  return checkGroups(byLife);
}

function add(groups: Map<string, Answer[]>, name: string, operation: Operation): void {
  const {outcome, callUs, returnUs} = operation;
  if (outcome.kind !== 'ok' || returnUs === undefined) return;
  const answer = {operation, revision: outcome.response.revision, callUs, returnUs};
  const group = groups.get(name);
  if (group === undefined) groups.set(name, [answer]);
  else group.push(answer);
}

function checkGroups(groups: ReadonlyMap<string, readonly Answer[]>): Finding[] {
  const findings: Finding[] = [];
  for (const [name, answers] of groups) {
    const finding = checkGroup(name, answers);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

function checkGroup(name: string, answers: readonly Answer[]): Finding | undefined {
  const byCall = [...answers].sort((a, b) => a.callUs - b.callUs || a.operation.id - b.operation.id);
  const byReturn = [...answers].sort((a, b) => a.returnUs - b.returnUs || a.operation.id - b.operation.id);
  let newest: Answer | undefined;
  let next = 0;
  for (const answer of byCall) {
    for (; next < byReturn.length; next++) {
      const returned = byReturn[next] as Answer;
      if (returned.returnUs >= answer.callUs) break;
      if (newest === undefined || returned.revision > newest.revision) newest = returned;
    }
    if (newest === undefined || answer.revision >= newest.revision) continue;
    return {
      check: 'revision-monotonic',
      kind: 'violation',
      message:
        `${name} went back from revision ${newest.revision} to ${answer.revision}: operation ${answer.operation.id} ` +
        `(${describeOperation(answer.operation)}) after operation ${newest.operation.id} (${describeOperation(newest.operation)})`,
      atUs: answer.returnUs,
      operations: [answer.operation.id, newest.operation.id],
    };
  }
  return undefined;
}

/** How many of the ascending times are at or before this one. */
function countUpTo(times: readonly number[], time: number): number {
  let count = 0;
  while (count < times.length && (times[count] as number) <= time) count++;
  return count;
}
