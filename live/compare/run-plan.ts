// live/compare/run-plan.ts: does a plan in two worlds at once, operation by operation, and says where they disagree.
// After every operation what the streams and open calls brought is compared too. A world whose time is free (the simulated
// one) is moved first, and the other is then waited for until as much has come: two seconds without it are a difference.
import {assert} from '../../base/assert.ts';
import {flatten, type Plan, rowOf, type SingleOp} from '../plan.ts';
import type {Plain, Rpc} from '../rpc/codec.ts';
import {type PendingCall, type Reply, WorldDied} from '../world.ts';
import {bindAnswer, fieldsOf, metadataOf, nameAdded, noteHeader, resolve, textOf} from './book.ts';
import {calm, noteDone} from './calm.ts';
import type {Difference} from './difference.ts';
import {untilOneLeader} from './prelude.ts';
import {bothSides, type Run, type Side, type StreamEnd, type StreamPair} from './run.ts';
import {explode} from './stream-log.ts';
import {describeSnapshot, firstMismatch, normalise, normaliseBody, renameText} from './unequal.ts';

/** Every silence costs seconds, and a cluster that has lost its quorum has only those to give. */
const SILENCES_MAX = 2;
/** How long one world is waited for when the other has more. */
const CATCH_UP_MS_MAX = 2_000;
/** What a free world gets after each operation, so that everything caused by it has arrived. */
const AFTER_OP_MS = 5;
/** How long a blocking call may take to get as far as waiting. */
const BEGIN_MS = 30;
const TAKE_BACK_MS = 50;
/** Without a free world nobody says what is still to come: both get this long. */
const AFTER_OP_REAL_MS = 12;

/** Does the whole plan, or as much of it as the number of differences allows. */
export async function runPlan(run: Run, plan: Plan): Promise<void> {
  for (const [index, op] of flatten(plan).entries()) {
    try {
      await runOp(run, op, index);
    } catch (thrown) {
      if (!(thrown instanceof WorldDied)) throw thrown;
      addDifference(run, index, rowOf(op), op, 'end of a world', ...sidesOf(run, thrown));
      return;
    }
    if (run.differences.length >= run.differencesMax || run.silences >= SILENCES_MAX) break;
  }
  for (const pending of run.pendings.values()) for (const call of pending.calls) call.cancel();
  for (const pair of run.streams.values()) for (const {stream} of pair.ends) stream.cancel();
}

function sidesOf(run: Run, {world, message}: WorldDied): [Plain, Plain] {
  return run.sides[0].world.name === world ? [message, 'goes on'] : ['goes on', message];
}

async function runOp(run: Run, op: SingleOp, index: number): Promise<void> {
  if (waitsUnderAuth(run, op)) return;
  const row = rowOf(op);
  run.calls.set(row, (run.calls.get(row) ?? 0) + 1);
  await calm(run, op);
  await catchUpMember(run, op);
  switch (op.op) {
    case 'call':
      await doCall(run, op, index);
      break;
    case 'begin':
      await doBegin(run, op, index);
      break;
    case 'send':
      await doSend(run, op);
      break;
    case 'cancel':
      await doCancel(run, op.slot);
      break;
    case 'close':
      doClose(run, op);
      break;
    case 'sleep':
      await bothSides(run, ({world}) => world.sleep(op.ms));
      break;
    case 'http':
      await doHttp(run, op, index);
      break;
  }
  noteDone(run, op);
  if (op.op === 'call' && op.rpc === 'Maintenance/MoveLeader') await newLeader(run);
  await letArrive(run, op);
  await reconcile(run, op, index);
}

/**
 * Whoever waits for a lock or an election does so on a watch inside the server. All of these share one stream, whose permissions are
 * those of whoever opened it first; whether it is still the one from before authentication is a race inside etcd. See LEFT_OUT.
 */
function waitsUnderAuth(run: Run, op: SingleOp): boolean {
  return run.shared.authEnabled && (op.op === 'begin' || (op.op === 'send' && op.rpc === 'Election/Observe'));
}

/** Ends everything that waits, before authentication is switched on under it. */
async function endWaiting(run: Run): Promise<void> {
  for (const slot of [...run.pendings.keys()]) await doCancel(run, slot);
  for (const [name, pair] of run.streams) {
    if (pair.rpc.name !== 'Election/Observe') continue;
    for (const {stream} of pair.ends) stream.cancel();
    run.streams.delete(name);
  }
}

/** A new leader counts every lease from its full time again. */
async function newLeader(run: Run): Promise<void> {
  const before = run.sides.map(({book}) => book.leader);
  await untilOneLeader(run);
  for (const [side, {book, world}] of run.sides.entries()) {
    if (book.leader === before[side]) continue;
    for (const lease of book.renewedMs.keys()) book.renewedMs.set(lease, world.nowMs());
  }
}

const READ_ONLY = /KV\/Range$|List$|Get$|Status$|Hash|TimeToLive$|Leases$|Leader$|Observe$|Snapshot$|Watch$/;

/** A linearizable read makes a member apply all that the others have acknowledged. etcd waits before it looks at permissions. */
async function catchUpMember(run: Run, op: SingleOp): Promise<void> {
  if (run.sides[0].world.members.length === 1) return;
  const target = targetOf(run, op);
  if (target !== undefined && run.behind.delete(target)) {
    const rpc = run.codec.rpc('KV/Range');
    const request = run.codec.encode(rpc, {key: 'catch-up', count_only: true});
    await bothSides(run, ({world}) => world.call(target, rpc.path, request, {}));
  }
  const reads = 'rpc' in op && READ_ONLY.test(op.rpc);
  if (reads || op.op === 'http') return;
  for (let member = 0; member < run.sides[0].world.members.length; member++) {
    if (member !== target) run.behind.add(member);
  }
}

/** The member that an operation is really sent to. */
function targetOf(run: Run, op: SingleOp): number | undefined {
  if (op.op === 'send') {
    const pair = run.streams.get(streamName(op));
    if (pair !== undefined && !hasEnded(pair)) return pair.member;
  }
  return 'member' in op ? op.member : undefined;
}

async function doCall(run: Run, op: SingleOp & {op: 'call'}, index: number): Promise<void> {
  const rpc = run.codec.rpc(op.rpc);
  if (op.rpc === 'Auth/AuthEnable') await endWaiting(run);
  if (op.rpc === 'Maintenance/Snapshot') return doSnapshot(run, op, rpc, index);
  const [left, right] = await bothSides(run, ({world, book}) => {
    const request = run.codec.encode(rpc, resolve(op.request, book, run.shared, world));
    const metadata = metadataOf(op.as, book, run.shared);
    if (op.requireLeader) metadata['hasleader'] = 'true';
    return world.call(op.member, rpc.path, request, metadata);
  });
  compareReplies(run, op, index, [left, right]);
}

/** Bytes that are no answer at all are a finding, not a failure of ours. */
function decodeReply(run: Run, rpc: Rpc, response: Uint8Array): Plain {
  try {
    return run.codec.decode(rpc, response);
  } catch (thrown) {
    return {undecodable: thrown instanceof Error ? thrown.message : String(thrown)};
  }
}

/** Compares two ends of a unary call, and keeps what later operations refer to. */
function compareReplies(
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

function normalReply(run: Run, rpc: string, reply: Reply, answer: Plain | undefined, side: 0 | 1): Plain {
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

async function doBegin(run: Run, op: SingleOp & {op: 'begin'}, index: number): Promise<void> {
  if (run.pendings.has(op.slot)) return; // the slot is still waiting: the operation counts, and does nothing in both worlds
  const rpc = run.codec.rpc(op.rpc);
  const begin = ({world, book}: Side): PendingCall =>
    world.begin(
      op.member,
      rpc.path,
      run.codec.encode(rpc, resolve(op.request, book, run.shared, world)),
      metadataOf(op.as, book, run.shared),
    );
  const calls = [begin(run.sides[0]), begin(run.sides[1])] as const;
  run.pendings.set(op.slot, {op, rpc, index, calls});
  // Before it waits, the call writes a key, and nobody says when that is done.
  await Promise.all(
    calls.map(async (call, side) => {
      const {world} = run.sides[side as 0 | 1];
      for (let waitedMs = 0; call.outcome === undefined && waitedMs < BEGIN_MS; waitedMs += 5) await world.sleep(5);
    }),
  );
}

/** The server takes back what a cancelled call has written: that is not answered to anybody. */
async function doCancel(run: Run, slot: number): Promise<void> {
  const pending = run.pendings.get(slot);
  if (pending === undefined) return;
  for (const call of pending.calls) call.cancel();
  run.pendings.delete(slot);
  await bothSides(run, ({world}) => world.sleep(TAKE_BACK_MS));
}

const streamName = (op: {readonly rpc: string; readonly stream: number}): string => `${op.rpc} ${op.stream}`;

async function doSend(run: Run, op: SingleOp & {op: 'send'}): Promise<void> {
  const rpc = run.codec.rpc(op.rpc);
  const name = streamName(op);
  let pair = run.streams.get(name);
  if (op.rpc === 'Election/Observe' && pair !== undefined && !hasEnded(pair)) return; // it takes one request
  if (pair === undefined || hasEnded(pair)) {
    const open = ({world, book}: Side): StreamEnd => ({
      stream: world.openStream(op.member, rpc.path, metadataOf(op.as, book, run.shared)),
      taken: 0,
      sequences: new Map(),
      compared: new Map(),
    });
    pair = {
      rpc,
      member: op.member,
      ends: [open(run.sides[0]), open(run.sides[1])],
      closed: false,
      hasDifference: false,
    };
    run.streams.set(name, pair);
  }
  const {ends} = pair;
  await Promise.all(
    ends.map(async ({stream}, side) => {
      const {book, world} = run.sides[side as 0 | 1];
      const before = stream.received.length;
      stream.send(run.codec.encode(rpc, resolve(op.request, book, run.shared, world)));
      if (op.rpc === 'Election/Observe') stream.closeSend(); // one request, many answers
      // What is answered must be answered before the next operation; an observer reads first, and says nothing without a leader.
      for (let waitedMs = 0; stream.received.length === before && waitedMs < BEGIN_MS; waitedMs += 2)
        await world.sleep(2);
    }),
  );
}

function hasEnded(pair: StreamPair): boolean {
  return pair.closed || pair.hasDifference || pair.ends.every(({stream}) => stream.received.at(-1)?.kind === 'end');
}

function doClose(run: Run, op: SingleOp & {op: 'close'}): void {
  const pair = run.streams.get(streamName(op));
  if (pair === undefined) return;
  for (const {stream} of pair.ends) {
    if (op.how === 'half') stream.closeSend();
    else stream.cancel();
  }
  pair.closed = true;
  run.streams.delete(streamName(op));
}

async function doSnapshot(run: Run, op: SingleOp & {op: 'call'}, rpc: Rpc, index: number): Promise<void> {
  const results = await bothSides(run, async ({world, book}): Promise<Plain> => {
    const stream = world.openStream(op.member, rpc.path, metadataOf(op.as, book, run.shared));
    stream.send(run.codec.encode(rpc, {}));
    stream.closeSend();
    for (let waitedMs = 0; waitedMs < CATCH_UP_MS_MAX && stream.received.at(-1)?.kind !== 'end'; waitedMs += 5) {
      await world.sleep(5);
    }
    const end = stream.received.at(-1);
    if (end?.kind !== 'end') return 'no end in time';
    const blobs = stream.received.flatMap((message) => {
      if (message.kind === 'end') return [];
      const decoded = rpc.definition.responseDeserialize(Buffer.from(message.response)) as {blob: Buffer};
      return [decoded.blob];
    });
    const content = blobs.length === 0 ? 'nothing' : describeSnapshot(Buffer.concat(blobs));
    return {code: end.code, message: end.message, content};
  });
  const mismatch = firstMismatch(results[0], results[1]);
  if (mismatch !== undefined) addDifference(run, index, op.rpc, op, mismatch.path, mismatch.left, mismatch.right);
}

async function doHttp(run: Run, op: SingleOp & {op: 'http'}, index: number): Promise<void> {
  const [left, right] = await bothSides(run, async ({world, book}): Promise<Plain> => {
    const {status, body} = await world.http(op.member, op.port, op.path);
    return {status, body: normaliseBody(op.path, body, book)};
  });
  const mismatch = firstMismatch(left, right);
  if (mismatch !== undefined) addDifference(run, index, rowOf(op), op, mismatch.path, mismatch.left, mismatch.right);
}

/** Time passes: a free world is moved as far as the other's clock, and a little further where something may be under way. */
async function letArrive(run: Run, op: SingleOp): Promise<void> {
  const [{world: left}, {world: right}] = run.sides;
  const isWaiting = run.streams.size > 0 || run.pendings.size > 0;
  const free = [left, right].filter((world) => world.freeTime);
  if (free.length === 0) {
    if (isWaiting && op.op !== 'http') await bothSides(run, ({world}) => world.sleep(AFTER_OP_REAL_MS));
    return;
  }
  for (const world of free) {
    const other = world === left ? right : left;
    const lagMs = other.nowMs() - world.nowMs();
    const arriveMs = isWaiting ? AFTER_OP_MS : 0;
    if (lagMs > 0 || arriveMs > 0) await world.sleep(Math.max(lagMs, arriveMs));
  }
}

/** Compares what streams and open calls have brought since the last time. */
async function reconcile(run: Run, op: SingleOp, index: number): Promise<void> {
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

function addDifference(
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
