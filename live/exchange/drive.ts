// live/exchange/drive.ts: does a sequence to one cluster, real or simulated, and leaves calls under way for the crash.
// Answers are not judged here (`etcdsim compare` does that): they are only read for what later calls refer to, and for the newest
// revision that anybody was told, which no crash may take back.
import {InputError} from '../../base/input-error.ts';
import type {Shared} from '../compare/book.ts';
import {
  type Book,
  bindAnswer,
  emptyBook,
  fieldsOf,
  metadataOf,
  nameAdded,
  noteHeader,
  resolve,
} from '../compare/book.ts';
import {fixedCall} from '../generator/arbitraries.ts';
import type {CallOp} from '../plan.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {PendingCall, Reply, World} from '../world.ts';
import {type InFlightRound, ROOT_PASSWORD} from './sequence.ts';

/** Each costs ten seconds; a cluster that does not answer any more is of no use. */
const SILENCES_MAX = 2;

/** What is known of a cluster that is being driven. */
export interface Driven {
  readonly world: World;
  readonly codec: Codec;
  readonly book: Book;
  readonly shared: Shared;
  okCount: number;
  refusedCount: number;
  silenceCount: number;
}

export function startDriving(world: World, codec: Codec): Driven {
  return {
    world,
    codec,
    book: emptyBook(),
    shared: {headRevision: 1, compactedRevision: 0, authEnabled: false},
    okCount: 0,
    refusedCount: 0,
    silenceCount: 0,
  };
}

/** The ids of the members, which calls refer to by their place. */
export async function learnMembers(driven: Driven): Promise<void> {
  const {world, codec, book} = driven;
  const rpc = codec.rpc('Cluster/MemberList');
  const reply = await world.call(0, rpc.path, codec.encode(rpc, {}), {});
  const answer = reply.kind === 'ok' ? fieldsOf(codec.decode(rpc, reply.response)) : undefined;
  const listed = Array.isArray(answer?.['members']) ? (answer['members'] as readonly Plain[]) : [];
  for (const [index, {peerUrl}] of world.members.entries()) {
    const found = listed.map(fieldsOf).find((fields) => JSON.stringify(fields?.['peerURLs']) === `["${peerUrl}"]`);
    book.memberIds[index] = String(found?.['ID'] ?? '');
  }
}

/** Makes the calls, each answered before the next. */
export async function drive(driven: Driven, calls: readonly CallOp[]): Promise<void> {
  for (const call of calls) {
    await driveOne(driven, call);
    if (call.rpc === 'Auth/AuthEnable' && driven.shared.authEnabled) await driveOne(driven, rootLogin);
  }
}

const rootLogin = fixedCall(
  'Auth/Authenticate',
  {name: 'root', password: ROOT_PASSWORD},
  {as: 'nobody', bind: {kind: 'token', slot: 'root'}},
);

async function driveOne(driven: Driven, call: CallOp): Promise<void> {
  const {world} = driven;
  note(driven, call, await world.call(call.member, ...encoded(driven, call)));
  if (driven.silenceCount > SILENCES_MAX) throw new InputError(`the ${world.name} cluster has stopped to answer`);
}

function encoded({world, codec, book, shared}: Driven, call: CallOp): [string, Uint8Array, Record<string, string>] {
  const rpc = codec.rpc(call.rpc);
  return [rpc.path, codec.encode(rpc, resolve(call.request, book, shared, world)), metadataOf(call.as, book, shared)];
}

function note(driven: Driven, call: CallOp, reply: Reply): void {
  const {codec, book, shared, world} = driven;
  if (reply.kind === 'silence') driven.silenceCount++;
  if (reply.kind === 'error') driven.refusedCount++;
  if (reply.kind !== 'ok') return;
  driven.okCount++;
  const answer = fieldsOf(codec.decode(codec.rpc(call.rpc), reply.response)) ?? {};
  noteHeader(answer, shared);
  if (call.bind !== undefined) bindAnswer(call.bind, answer, book);
  if (call.rpc === 'Cluster/MemberAdd') nameAdded(answer, book);
  if (call.rpc === 'Auth/AuthEnable') shared.authEnabled = true;
  if (call.rpc === 'Auth/AuthDisable') shared.authEnabled = false;
  if (call.rpc === 'KV/Compact') {
    const revision = Number(fieldsOf(resolve(call.request, book, shared, world))?.['revision'] ?? 0);
    shared.compactedRevision = Math.max(shared.compactedRevision, revision);
  }
}

/** Calls that nobody has waited for. */
export interface InFlight {
  readonly count: number;
  /** Takes note of those that were answered before the crash; returns how many. Call it after the crash. */
  settle(): number;
}

/** Begins the rounds; the last ones are under way when this returns, for whoever crashes the members now. */
export async function beginRounds(driven: Driven, rounds: readonly InFlightRound[]): Promise<InFlight> {
  const {world} = driven;
  const begun: {readonly call: CallOp; readonly pending: PendingCall}[] = [];
  for (const {calls, gapMs} of rounds) {
    for (const call of calls) begun.push({call, pending: world.begin(call.member, ...encoded(driven, call))});
    await world.sleep(gapMs);
  }
  return {
    count: begun.length,
    settle() {
      let answered = 0;
      for (const {call, pending} of begun) {
        if (pending.outcome?.kind !== 'ok') continue;
        note(driven, call, pending.outcome);
        answered++;
      }
      return answered;
    },
  };
}
