// live/compare/calm.ts: when a real server must have come to rest before an operation has one right answer.
// etcd does some work behind the scenes (catching watches up, removing compacted revisions). What a request answers while that
// is under way is a race inside etcd itself, so a comparison waits for the end of it; each wait is named here with its reason.
import type {SingleOp} from '../plan.ts';
import {fieldsOf} from './book.ts';
import {bothSides, type Mark, type Run} from './run.ts';

interface Wait {
  /** What is held back, and behind what. */
  readonly what: string;
  readonly before: (op: SingleOp, run: Run) => boolean;
  readonly after: Mark | ((op: SingleOp) => Mark);
  readonly ms: number;
  readonly reason: string;
}

const callOf = (op: SingleOp): string => (op.op === 'call' || op.op === 'begin' || op.op === 'send' ? op.rpc : '');

const requestOf = (op: SingleOp) =>
  'request' in op && callOf(op) === 'Watch/Watch' ? fieldsOf(op.request) : undefined;

const WRITES = /^(KV\/(Put|DeleteRange|Txn)|Lease\/LeaseRevoke|Lock\/.*|Election\/(Campaign|Proclaim|Resign))$/;
/** A text that is repeated often enough to count when responses are cut (over 2 MiB). */
const LARGE_VALUE = /"\$":"repeat"[^}]*"count":\d{6}/;

/** All waits; the first `ms` behind the mark is when the operation may be done. */
export const WAITS: readonly Wait[] = [
  {
    what: 'Compact behind a watch in the past',
    before: (op) => callOf(op) === 'KV/Compact',
    after: 'watch in the past',
    ms: 130,
    reason: 'watches are caught up every 100 ms: a compaction in between decides whether one is cancelled',
  },
  {
    what: 'Compact while somebody waits for a lock or an election',
    before: (op, run) => callOf(op) === 'KV/Compact' && waitsForKeys(run),
    after: 'operation',
    ms: 130,
    reason: 'locks and elections watch from a revision that they have just read: a compaction behind it may end them',
  },
  {
    what: 'a write behind a watch of a past with large values that wants fragments',
    before: (op) => WRITES.test(callOf(op)),
    after: 'large past',
    ms: 130,
    reason: 'whether the write joins the past in one response is a race, and may move the places where that is cut',
  },
  {
    what: 'a progress request behind a watch in the past',
    before: (op) =>
      callOf(op) === 'Watch/Watch' && 'request' in op && fieldsOf(op.request)?.['progress_request'] !== undefined,
    after: 'watch in the past',
    ms: 130,
    reason: 'a progress request is answered only when every watch of the stream is caught up (3.4.25, 3.5.8)',
  },
  {
    what: 'the end of a watch, or of its stream, behind a watch in the past',
    before: (op) => (op.op === 'close' && op.rpc === 'Watch/Watch') || requestOf(op)?.['cancel_request'] !== undefined,
    after: 'watch in the past',
    ms: 130,
    reason: 'whether the past was sent before the cancellation is a race',
  },
  {
    what: 'Hash, HashKV, Snapshot and Defragment behind a compaction',
    before: (op) => /Maintenance\/(Hash|HashKV|Snapshot|Defragment)$/.test(callOf(op)),
    after: 'compaction',
    ms: 80,
    reason: 'revisions are removed in the background; the hash of a compaction is stored at its end',
  },
  {
    what: 'MemberAdd behind the start of several members',
    before: (op, {sides}) => callOf(op) === 'Cluster/MemberAdd' && sides[0].world.members.length > 1,
    after: 'start',
    ms: 6_500,
    reason: 'members are added only when all have been connected for five seconds',
  },
  {
    what: 'MemberAdd behind one with the same URLs',
    before: (op) => callOf(op) === 'Cluster/MemberAdd',
    after: addedMark,
    ms: 1_050,
    reason:
      "a new member's id is made of its URLs and the second: in one second the same URLs are the same member again",
  },
];

/** What is waited for by looking, for as long as it takes. */
export const LOOKED_FOR: readonly string[] = [
  'everything behind the start: that the cluster version is set, all members have names, and m0 leads',
  'everything behind MoveLeader: that all members name one leader',
  'an operation at a member that others have written past: a linearizable read there, so that it has applied what they answered',
  'everything: what the streams and open calls of one world have brought, from the other too (2 s without it are a difference)',
];

/** Does an observer, a candidate or somebody who wants a lock wait inside the server? */
function waitsForKeys({streams, pendings}: Run): boolean {
  return pendings.size > 0 || [...streams.values()].some(({rpc, closed}) => !closed && rpc.name === 'Election/Observe');
}

/** When these URLs were last asked for. */
function addedMark(op: SingleOp): Mark {
  const urls = 'request' in op ? fieldsOf(op.request)?.['peerURLs'] : undefined;
  return `added ${JSON.stringify(urls ?? null)}`;
}

/** Waits, in both worlds, for what an operation needs at rest. */
export async function calm(run: Run, op: SingleOp): Promise<void> {
  for (const wait of WAITS) {
    if (!wait.before(op, run)) continue;
    const since = run.quiet.get(typeof wait.after === 'function' ? wait.after(op) : wait.after);
    if (since === undefined) continue;
    await bothSides(run, async ({world}) => {
      const restMs = wait.ms - (world.nowMs() - since[world === run.sides[0].world ? 0 : 1]);
      if (restMs > 0) await world.sleep(Math.ceil(restMs));
    });
  }
}

function mark(run: Run, what: Mark): void {
  run.quiet.set(what, [run.sides[0].world.nowMs(), run.sides[1].world.nowMs()]);
}

/** Writes down when an operation was done, for the waits above. */
export function noteDone(run: Run, op: SingleOp): void {
  const rpc = callOf(op);
  mark(run, 'operation');
  if (rpc === 'KV/Compact') mark(run, 'compaction');
  if (rpc === 'Cluster/MemberAdd') mark(run, addedMark(op));
  if (rpc.startsWith('KV/') && 'request' in op && LARGE_VALUE.test(JSON.stringify(op.request)))
    mark(run, 'large value');
  if (rpc === 'Watch/Watch' && op.op === 'send') {
    const create = fieldsOf(fieldsOf(op.request)?.['create_request']);
    if (create?.['start_revision'] === undefined) return;
    mark(run, 'watch in the past');
    if (create['fragment'] === true && run.quiet.has('large value')) mark(run, 'large past');
  }
}
