// live/compare/run-plan.ts: does a plan in two worlds at once, operation by operation, and says where they disagree.
// After every operation what the streams and open calls brought is compared too (reconcile.ts). A world whose time is free (the
// simulated one) is moved first, and the other is then waited for until as much has come.
import {flatten, type Plan, rowOf, type SingleOp} from '../plan.ts';
import type {Plain, Rpc} from '../rpc/codec.ts';
import {type PendingCall, WorldDied} from '../world.ts';
import {addDifference, compareReplies} from './answers.ts';
import {metadataOfOp, resolve} from './book.ts';
import {calm, noteDone} from './calm.ts';
import {untilOneLeader} from './prelude.ts';
import {reconcile} from './reconcile.ts';
import {bothSides, type Run, type Side, type StreamEnd, type StreamPair} from './run.ts';
import {describeSnapshot, firstMismatch, normaliseBody} from './unequal.ts';

/** Every silence costs seconds, and a cluster that has lost its quorum has only those to give. */
const SILENCES_MAX = 2;
/** How long a snapshot may take to come whole. */
const SNAPSHOT_MS_MAX = 2_000;
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
  if (doesNothing(run, op)) {
    run.idle++;
    return;
  }
  run.done++;
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

/** Is there nothing to do in either world? Such an operation is not sent, and not counted as compared. */
function doesNothing(run: Run, op: SingleOp): boolean {
  switch (op.op) {
    case 'begin':
      return run.pendings.has(op.slot) || waitsUnderAuth(run, op);
    case 'send': {
      if (op.rpc !== 'Election/Observe') return false;
      const pair = run.streams.get(streamName(op));
      const isOpen = pair !== undefined && !hasEnded(pair); // it takes one request
      return isOpen || waitsUnderAuth(run, op);
    }
    case 'cancel':
      return !run.pendings.has(op.slot);
    case 'close':
      return !run.streams.has(streamName(op));
    default:
      return false;
  }
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
    return world.call(op.member, rpc.path, request, metadataOfOp(op, book, run.shared));
  });
  compareReplies(run, op, index, [left, right]);
}

async function doBegin(run: Run, op: SingleOp & {op: 'begin'}, index: number): Promise<void> {
  const rpc = run.codec.rpc(op.rpc);
  const begin = ({world, book}: Side): PendingCall =>
    world.begin(
      op.member,
      rpc.path,
      run.codec.encode(rpc, resolve(op.request, book, run.shared, world)),
      metadataOfOp(op, book, run.shared),
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
  if (pair === undefined || hasEnded(pair)) {
    const open = ({world, book}: Side): StreamEnd => ({
      stream: world.openStream(op.member, rpc.path, metadataOfOp(op, book, run.shared)),
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
    const stream = world.openStream(op.member, rpc.path, metadataOfOp(op, book, run.shared));
    stream.send(run.codec.encode(rpc, {}));
    stream.closeSend();
    for (let waitedMs = 0; waitedMs < SNAPSHOT_MS_MAX && stream.received.at(-1)?.kind !== 'end'; waitedMs += 5) {
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
