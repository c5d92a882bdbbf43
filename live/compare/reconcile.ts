// live/compare/reconcile.ts: compares, after every operation, what streams and open calls have brought since the last time.
// The world that has less is waited for until as much has come: two seconds without it are a difference.
import {assert} from '../../base/assert.ts';
import type {SingleOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import type {Reply} from '../world.ts';
import {addDifference, compareReplies, decodeReply, normalReply} from './answers.ts';
import {fieldsOf, textOf} from './book.ts';
import type {Run, StreamPair} from './run.ts';
import {explode} from './stream-log.ts';
import {firstMismatch, normalise} from './unequal.ts';

/** How long one world is waited for when the other has more. */
const CATCH_UP_MS_MAX = 2_000;

/** Compares what streams and open calls have brought since the last time. */
export async function reconcile(run: Run, op: SingleOp, index: number): Promise<void> {
  let waitedMs = 0;
  for (;;) {
    const short = compareArrived(run, op, index);
    if (short === undefined) return;
    if (waitedMs >= CATCH_UP_MS_MAX) {
      short.report();
      return;
    }
    const stepMs = waitedMs < 20 ? 1 : 10;
    await run.sides[short.side].world.sleep(stepMs);
    waitedMs += stepMs;
  }
}

/** The world that has less than the other, and how to say so when it stays behind. */
interface Short {
  readonly side: 0 | 1;
  readonly report: () => void;
}

function compareArrived(run: Run, op: SingleOp, index: number): Short | undefined {
  for (const [name, pair] of run.streams) {
    if (pair.hasDifference) continue;
    for (const side of [0, 1] as const) takeMessages(run, pair, side);
    const short = compareStream(run, name, pair, op, index);
    if (short !== undefined) return short;
  }
  for (const [slot, {op: begun, calls}] of run.pendings) {
    const [left, right] = [calls[0].outcome, calls[1].outcome];
    if (left === undefined && right === undefined) continue;
    if (left !== undefined && right !== undefined) {
      run.pendings.delete(slot);
      compareReplies(run, begun, index, [left, right]);
      continue;
    }
    const report = (): void => {
      run.pendings.delete(slot);
      const shown = (reply: Reply | undefined, side: 0 | 1): Plain => {
        if (reply === undefined) return 'still waiting';
        const answer = reply.kind === 'ok' ? decodeReply(run, run.codec.rpc(begun.rpc), reply.response) : undefined;
        return normalReply(run, begun.rpc, reply, answer, side);
      };
      addDifference(run, index, begun.rpc, begun, `pending ${slot}, after ${op.op}`, shown(left, 0), shown(right, 1));
    };
    return {side: left === undefined ? 0 : 1, report};
  }
  return undefined;
}

function takeMessages(run: Run, pair: StreamPair, side: 0 | 1): void {
  const end = pair.ends[side];
  const {book, world} = run.sides[side];
  const {received} = end.stream;
  for (; end.taken < received.length; end.taken++) {
    const message = received[end.taken];
    assert(message !== undefined, 'messages are taken in order', {taken: end.taken});
    for (const entry of explode(run.codec, pair.rpc, message)) {
      const list = end.sequences.get(entry.sequence) ?? [];
      list.push(entry);
      end.sequences.set(entry.sequence, list);
      const fields = fieldsOf(entry.raw);
      if (pair.rpc.name === 'Lease/LeaseKeepAlive' && Number(fields?.['TTL']) > 0) {
        book.renewedMs.set(textOf(fields?.['ID']), world.nowMs());
      }
    }
  }
}

function compareStream(run: Run, name: string, pair: StreamPair, op: SingleOp, index: number): Short | undefined {
  const [left, right] = pair.ends;
  for (const sequence of new Set([...left.sequences.keys(), ...right.sequences.keys()])) {
    const [a, b] = [left.sequences.get(sequence) ?? [], right.sequences.get(sequence) ?? []];
    let at = left.compared.get(sequence) ?? 0;
    for (; at < Math.min(a.length, b.length); at++) {
      const normal = [a[at], b[at]].map((entry, side) => {
        const {book, world} = run.sides[side as 0 | 1];
        return normalise(pair.rpc.name, entry?.raw ?? null, {book, nowMs: world.nowMs(), answersBefore: at});
      });
      const mismatch = firstMismatch(normal[0], normal[1]);
      if (mismatch === undefined) continue;
      pair.hasDifference = true;
      const field = `stream ${name}, ${sequence}, entry ${at}: ${mismatch.path}`;
      addDifference(run, index, pair.rpc.name, op, field, mismatch.left, mismatch.right);
      return undefined;
    }
    left.compared.set(sequence, at);
    if (a.length === b.length) continue;
    const report = (): void => {
      pair.hasDifference = true;
      const field = `stream ${name}, ${sequence}, entry ${at}`;
      addDifference(run, index, pair.rpc.name, op, field, a[at]?.raw, b[at]?.raw);
    };
    return {side: a.length < b.length ? 0 : 1, report};
  }
  return undefined;
}
