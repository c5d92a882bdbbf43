// live/compare/answers.ts: the two answers to one unary call, compared; and disagreements of any sort, written down.
import type {SingleOp} from '../plan.ts';
import type {Plain, Rpc} from '../rpc/codec.ts';
import type {Reply} from '../world.ts';
import {bindAnswer, fieldsOf, nameAdded, noteHeader, resolve, textOf} from './book.ts';
import type {Difference} from './difference.ts';
import type {Run} from './run.ts';
import {firstMismatch, normalise, renameText} from './unequal.ts';

/** Bytes that are no answer at all are a finding, not a failure of ours. */
export function decodeReply(run: Run, rpc: Rpc, response: Uint8Array): Plain {
  try {
    return run.codec.decode(rpc, response);
  } catch (thrown) {
    return {undecodable: thrown instanceof Error ? thrown.message : String(thrown)};
  }
}

/** Compares two ends of a unary call, and keeps what later operations refer to. */
export function compareReplies(
  run: Run,
  op: SingleOp & {op: 'call' | 'begin'},
  index: number,
  replies: readonly [Reply, Reply],
): void {
  const rpc = run.codec.rpc(op.rpc);
  const answers = replies.map((reply) => (reply.kind === 'ok' ? decodeReply(run, rpc, reply.response) : undefined));
  for (const [side, answer] of answers.entries()) {
    const fields = fieldsOf(answer);
    const {book, world} = run.sides[side as 0 | 1];
    if (fields === undefined) continue;
    if (op.bind !== undefined) bindAnswer(op.bind, fields, book);
    if (op.rpc === 'Cluster/MemberAdd') nameAdded(fields, book);
    if (op.rpc === 'Lease/LeaseGrant') book.renewedMs.set(textOf(fields['ID']), world.nowMs());
    if (side === 0) noteHeader(fields, run.shared);
  }
  if (replies.every(({kind}) => kind === 'ok')) noteAgreed(run, op);
  if (replies.some(({kind}) => kind === 'silence')) run.silences++;
  const normal = replies.map((reply, side) => normalReply(run, op.rpc, reply, answers[side], side as 0 | 1));
  const shapes = normal.map((outcome) => Object.keys(outcome ?? {})[0]);
  if (shapes[0] !== shapes[1]) {
    addDifference(run, index, op.rpc, op, 'outcome', normal[0], normal[1]);
    return;
  }
  const mismatch = firstMismatch(normal[0], normal[1]);
  if (mismatch !== undefined) addDifference(run, index, op.rpc, op, mismatch.path, mismatch.left, mismatch.right);
}

/** What both worlds have agreed to do changes what later operations refer to. */
function noteAgreed({shared, sides}: Run, op: SingleOp & {op: 'call' | 'begin'}): void {
  if (op.rpc === 'Auth/AuthEnable') shared.authEnabled = true;
  if (op.rpc === 'Auth/AuthDisable') shared.authEnabled = false;
  if (op.rpc === 'KV/Compact') {
    const [{book, world}] = sides;
    const request = fieldsOf(resolve(op.request, book, shared, world));
    shared.compactedRevision = Math.max(shared.compactedRevision, Number(request?.['revision'] ?? 0));
  }
}

/** What is compared of a reply of that side. */
export function normalReply(run: Run, rpc: string, reply: Reply, answer: Plain | undefined, side: 0 | 1): Plain {
  const {book, world} = run.sides[side];
  switch (reply.kind) {
    case 'ok':
      if (fieldsOf(answer)?.['undecodable'] !== undefined) return answer ?? null;
      return {ok: normalise(rpc, answer ?? null, {book, nowMs: world.nowMs()})};
    case 'error':
      return {error: `${reply.code} ${renameText(reply.message, book)}`};
    case 'silence':
      return {error: 'no answer in time'};
  }
}

/** Writes a disagreement down, the first of its kind in full. */
export function addDifference(
  run: Run,
  index: number,
  rpc: string,
  op: SingleOp,
  field: string,
  left: Plain | undefined,
  right: Plain | undefined,
): void {
  const [{book, world}] = run.sides;
  const sent = 'request' in op ? resolve(op.request, book, run.shared, world) : null;
  run.different.set(rpc, (run.different.get(rpc) ?? 0) + 1);
  const difference: Difference = {index, rpc, op, sent, field, left, right};
  const kind = kindOf(difference);
  if (run.differences.every((known) => kindOf(known) !== kind)) run.differences.push(difference);
}

/** The same field of the same RPC is one kind: whoever mends it wants to see the others too. */
function kindOf({rpc, field, left, right}: Difference): string {
  const errors = field === 'error' || field === 'outcome' ? JSON.stringify([left, right]).slice(0, 80) : '';
  return `${rpc} ${field} ${errors}`.replace(/\d+/g, '#');
}
