// scenarios/life/operator-tools.ts: what an operator has at hand: etcdctl and curl. Each command is a client of its own, as etcdctl is, so
// that no broken connection of the last one is in its way. Everything goes over the simulated network.
import {InputError} from '../../base/input-error.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, condition, Signal, select} from '../../env/fiber.ts';
import {BackendError} from '../../server-core/backend/backend-error.ts';
import type {CallContext} from '../../server-core/client/call-context.ts';
import type {Failure, Success} from '../../server-core/client/client.ts';
import {Client} from '../../server-core/client/client.ts';
import {ClientStream} from '../../server-core/client/client-stream.ts';
import {Endpoint} from '../../server-core/client/endpoint.ts';
import type {RestoreOptions} from '../../server-core/datadir/restore-snapshot.ts';
import {restoreSnapshot} from '../../server-core/datadir/restore-snapshot.ts';
import type {MemberMessage, MembersResponse} from '../../server-core/etcdserverpb/cluster-messages.ts';
import {memberListRequest} from '../../server-core/etcdserverpb/cluster-messages.ts';
import type {SnapshotResponse} from '../../server-core/etcdserverpb/maintenance-messages.ts';
import {snapshotRequest} from '../../server-core/etcdserverpb/maintenance-messages.ts';
import type {Method} from '../../server-core/etcdserverpb/rpc.ts';

/** --command-timeout of etcdctl. */
const COMMAND_TIMEOUT_US = 5_000_000;
/** Longer than the server takes for a request: its own answer is wanted. */
const CHANGE_TIMEOUT_US = 12_000_000;
/** A health check by curl. */
const HTTP_TIMEOUT_US = 5_000_000;

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** 'm1' -> 'm1:2379'. */
export const clientAddress = (member: string): string => `${member}:2379`;
/** 'm1' -> 'http://m1:2380'. */
export const peerUrl = (member: string): string => `http://${member}:2380`;

/** A command of etcdctl: one call to the members given; `release` is etcdctl's own. */
export function* command<T extends object>(
  env: Env,
  members: readonly string[],
  method: Method,
  request: object,
  timeoutUs = CHANGE_TIMEOUT_US,
): Fiber<Success<T> | Failure> {
  const client = new Client(env, {endpoints: members.map(clientAddress), requestTimeoutUs: timeoutUs});
  client.start();
  const result = yield* client.ask<T>(method, request);
  client.close();
  return result;
}

/** The member list as these members tell it; a failure's text where none does. */
export function* listMembers(env: Env, members: readonly string[]): Fiber<readonly MemberMessage[] | string> {
  const request = memberListRequest.make({linearizable: true});
  const listed = yield* command<MembersResponse>(
    env,
    members,
    '/etcdserverpb.Cluster/MemberList',
    request,
    COMMAND_TIMEOUT_US,
  );
  return listed.kind === 'ok' ? listed.response.members : `${listed.code}: ${listed.message}`;
}

/** curl http://member:2379/path; undefined: no connection or no answer in time. */
export function* curl(env: Env, member: string, path: string): Fiber<HttpAnswer | undefined> {
  const changed = new Signal();
  const endpoint = new Endpoint(env, clientAddress(member), changed);
  env.spawn(`curl ${member}`, endpoint.run());
  const deadline = after(env.clock, HTTP_TIMEOUT_US);
  const settled = condition(changed, () => endpoint.state === 'ready' || endpoint.state === 'failed');
  yield* select(env, {settled, deadline});
  const sent = endpoint.state === 'ready' ? endpoint.http('GET', path) : undefined;
  if (sent === undefined) {
    endpoint.close();
    return undefined;
  }
  const answered = yield* select(env, {end: sent.end, deadline});
  endpoint.close();
  if (answered.kind === 'deadline' || answered.value.kind !== 'http') return undefined;
  return {status: answered.value.status, body: answered.value.body};
}

/** etcdctl snapshot save: the whole database of one member as it comes over the stream; a text: what went wrong. */
export function* saveSnapshot(env: Env, member: string): Fiber<Uint8Array | string> {
  const client = new Client(env, {endpoints: [clientAddress(member)], requestTimeoutUs: CHANGE_TIMEOUT_US});
  client.start();
  const context = client.contextOf({});
  const saved = yield* readSnapshot(env, client, context);
  client.close();
  return saved;
}

/** The files of one member's new directory, by path. */
export type RestoredFiles = ReadonlyMap<string, Uint8Array>;

/** etcdutl snapshot restore for each of these members; a text: what the tool of that release says instead. */
export function restoreFiles(
  names: readonly string[],
  snapshot: Uint8Array,
  options: Omit<RestoreOptions, 'name' | 'initialCluster' | 'clusterToken'>,
): ReadonlyMap<string, RestoredFiles> | string {
  const initialCluster = names.map((name) => ({name, peerUrls: [peerUrl(name)]}));
  const shared = {...options, initialCluster, clusterToken: 'etcd-restored'};
  try {
    return new Map(names.map((name) => [name, restoreSnapshot('snapshot.db', snapshot, {...shared, name})]));
  } catch (error) {
    if (error instanceof InputError || error instanceof BackendError) return error.message;
    throw error;
  }
}

function* readSnapshot(env: Env, client: Client, context: CallContext): Fiber<Uint8Array | string> {
  const stream = yield* client.openStream('/etcdserverpb.Maintenance/Snapshot', false, context);
  if (!(stream instanceof ClientStream)) return `${stream.code}: ${stream.message}`;
  stream.send(snapshotRequest.make());
  stream.halfClose();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const next = yield* select(env, {event: stream.receive, ended: context});
    if (next.kind === 'ended') return context.failure.message;
    const event = next.value;
    if (event.kind === 'broken') return 'the connection broke';
    if (event.kind === 'message') chunks.push((event.message as SnapshotResponse).blob);
    else return event.failure === undefined ? joined(chunks) : `${event.failure.code}: ${event.failure.message}`;
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
