// server-core/corruption/peer-hash.ts: members ask each other for the hash of their keys: question, answer, and the handler behind it.
// etcd: etcdserver/corrupt.go, getPeerHashKVs, hashKVHandler, HashByRev; up to 3.4.3 clientv3's HashKV on the peer port.
// Not as etcd has it: X-Etcd-Cluster-ID travels as a query, since requests have no headers here, and the gRPC call as JSON on its path.

import type {ClusterId, MemberId} from '../../base/ids.ts';
import {formatId, toId64} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Member} from '../membership/member.ts';
import {addressOf} from '../membership/member.ts';
import type {Refusal} from '../mvcc/errors.ts';
import {isRefusal} from '../mvcc/errors.ts';
import type {HashKv} from '../mvcc/hash.ts';
import type {PeerHttpReply, PeerHttpRequest} from '../rafthttp/peer-http.ts';
import {askPeer, NOT_FOUND, textReply} from '../rafthttp/peer-http.ts';
import type {CorruptionBehaviours} from './behaviours.ts';

export const HASH_KV_PATH = '/members/hashkv';
export const HASH_KV_CALL = '/etcdserverpb.Maintenance/HashKV';
const CLUSTER_ID_QUERY = '?x-etcd-cluster-id=';

/** A hash, and the revision that the member had when it made it. */
export interface HashNow extends HashKv {
  readonly currentRevision: number;
}

/** What a peer said of its keys, or why it said nothing. */
export interface PeerHash {
  readonly id: MemberId;
  readonly answer:
    | {readonly hash: number; readonly compactRevision: number; readonly currentRevision: number}
    | undefined;
  /** Empty with an answer. */
  readonly error: string;
}

export interface PeerHashHost {
  readonly env: Env;
  readonly behaviours: CorruptionBehaviours;
  readonly id: MemberId;
  readonly clusterId: ClusterId;
  readonly requestTimeoutUs: number;
  /** Of everybody, sorted by id. */
  readonly members: () => readonly Member[];
  readonly hash: (revision: number) => Fiber<HashNow | Refusal>;
  readonly note: (text: string) => void;
}

/** Asks one after the other; the first address of each that answers counts. */
export function* askPeers(host: PeerHashHost, revision: number): Fiber<PeerHash[]> {
  const found: PeerHash[] = [];
  for (const member of host.members()) {
    if (member.id !== host.id && member.peerUrls.length > 0) found.push(yield* askMember(host, member, revision));
  }
  return found;
}

function* askMember(host: PeerHashHost, {id, peerUrls}: Member, revision: number): Fiber<PeerHash> {
  const {env, behaviours, clusterId, requestTimeoutUs, note} = host;
  const path = behaviours.asksBy === 'grpc' ? HASH_KV_CALL : `${HASH_KV_PATH}${CLUSTER_ID_QUERY}${formatId(clusterId)}`;
  const body = new TextEncoder().encode(revision === 0 ? '{}' : `{"revision":${revision}}`);
  let error = '';
  for (const url of peerUrls) {
    const reply = yield* askPeer(env, addressOf(url), {path, body}, requestTimeoutUs);
    const answer = reply?.status === 200 ? parseAnswer(reply.body) : undefined;
    if (answer !== undefined) return {id, answer, error: ''};
    error = reply === undefined ? 'no answer' : new TextDecoder().decode(reply.body).trim();
    note(`failed hash kv request: ${error}`);
  }
  return {id, answer: undefined, error};
}

/** Fields that are zero are left out. */
function parseAnswer(body: Uint8Array): PeerHash['answer'] {
  const json = parseObject(body);
  if (json === undefined) return undefined;
  const {header, hash = 0, compact_revision: compactRevision = 0} = json;
  const currentRevision = (header as {readonly revision?: unknown} | undefined)?.revision ?? 0;
  if (typeof hash !== 'number' || typeof compactRevision !== 'number' || typeof currentRevision !== 'number')
    return undefined;
  return {hash, compactRevision, currentRevision};
}

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Answers a question of a peer, or of anybody who reaches the port. */
export function* handleHashKv(host: PeerHashHost, {method, path, body}: PeerHttpRequest): Fiber<PeerHttpReply> {
  const {behaviours, clusterId} = host;
  const isCall = path === HASH_KV_CALL;
  if (isCall ? !behaviours.servesGrpcToPeers : behaviours.asksBy === 'grpc') return NOT_FOUND;
  if (!isCall && method !== 'GET') return textReply(405, 'Method Not Allowed\n');
  const asking = path.split(CLUSTER_ID_QUERY)[1] ?? '';
  if (behaviours.checksClusterId && asking !== '' && asking !== formatId(clusterId)) {
    return textReply(412, 'cluster ID mismatch\n');
  }
  const revision = parseObject(body)?.['revision'] ?? 0;
  if (parseObject(body) === undefined || typeof revision !== 'number') {
    return textReply(400, 'error unmarshalling request\n');
  }
  const result = yield* host.hash(revision);
  if (isRefusal(result)) return textReply(400, `${result.message.replace('etcdserver: ', '')}\n`);
  return textReply(200, answerText(result, behaviours, isCall ? host.id : undefined));
}

/** As Go writes HashKVResponse: what is zero is left out. The gRPC answer names the member. */
function answerText(result: HashNow, behaviours: CorruptionBehaviours, memberId: MemberId | undefined): string {
  const header: Record<string, number | string> = {};
  if (memberId !== undefined) header['member_id'] = toId64(memberId);
  if (result.currentRevision !== 0) header['revision'] = result.currentRevision;
  const fields: Record<string, unknown> = {header};
  if (result.hash !== 0) fields['hash'] = result.hash;
  if (result.compactRevision !== 0) fields['compact_revision'] = result.compactRevision;
  if (behaviours.tellsHashRevision && result.revision !== 0) fields['hash_revision'] = result.revision;
  return JSON.stringify(fields);
}
