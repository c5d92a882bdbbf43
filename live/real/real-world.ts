// live/real/real-world.ts: a real cluster as a World: gRPC by @grpc/grpc-js with bytes in and out, HTTP by fetch.
import {setTimeout as sleepMs} from 'node:timers/promises';
import {Client, type ClientDuplexStream, credentials, Metadata as GrpcMetadata, type ServiceError} from '@grpc/grpc-js';
import {assert} from '../../base/assert.ts';
import {InputError} from '../../base/input-error.ts';
import type {HttpReply, Metadata, PendingCall, Reply, StreamMessage, World, WorldStream} from '../world.ts';
import type {RealCluster} from './real-cluster.ts';

/** A real server answers everything that a plan asks well within its own 7 s request timeout. */
const CALL_TIMEOUT_MS = 10_000;
/** gRPC status numbers that this side makes up when nothing came from the server. */
const DEADLINE_EXCEEDED = 4;
const CANCELLED = 1;

const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const unchanged = (bytes: Buffer): Uint8Array => bytes;

function toGrpc(metadata: Metadata): GrpcMetadata {
  const made = new GrpcMetadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
}

/** Connects to a started cluster. Closing the world ends the cluster. */
export function realWorld(cluster: RealCluster, name = 'real'): World {
  const startedMs = performance.now();
  const clients = cluster.members.map(
    ({clientUrl}) => new Client(new URL(clientUrl).host, credentials.createInsecure(), CHANNEL_OPTIONS),
  );
  const clientOf = (member: number): Client => {
    const client = clients[member];
    assert(client !== undefined, 'no such member', {member});
    const notice = cluster.deathNotice();
    if (notice !== undefined) throw new InputError(notice);
    return client;
  };
  return {
    name,
    members: cluster.members,
    call: (member, path, request, metadata) =>
      new Promise((done) => {
        const options = {deadline: Date.now() + CALL_TIMEOUT_MS};
        clientOf(member).makeUnaryRequest(
          path,
          identity,
          unchanged,
          request,
          toGrpc(metadata),
          options,
          (error, response) => done(toReply(error, response)),
        );
      }),
    begin: (member, path, request, metadata) => beginCall(clientOf(member), path, request, metadata),
    openStream: (member, path, metadata) => openStream(clientOf(member), path, metadata),
    http: (member, port, path) => httpGet(cluster, member, port, path),
    async sleep(ms) {
      await sleepMs(ms);
    },
    freeTime: false,
    nowMs: () => performance.now() - startedMs,
    async close() {
      for (const client of clients) client.close();
      cluster.close();
    },
  };
}

function toReply(error: ServiceError | null, response: Uint8Array | undefined): Reply {
  if (error === null) {
    assert(response !== undefined, 'a call without error has an answer');
    return {kind: 'ok', response};
  }
  // The text of grpc-js's own deadline differs from a server's: that nothing came is an outcome of its own.
  if (error.code === DEADLINE_EXCEEDED && error.details.startsWith('Deadline exceeded')) return {kind: 'silence'};
  return {kind: 'error', code: error.code, message: error.details};
}

function beginCall(client: Client, path: string, request: Uint8Array, metadata: Metadata): PendingCall {
  let outcome: Reply | undefined;
  const call = client.makeUnaryRequest(path, identity, unchanged, request, toGrpc(metadata), {}, (error, response) => {
    outcome = toReply(error, response);
  });
  return {
    get outcome() {
      return outcome;
    },
    cancel: () => call.cancel(),
  };
}

function openStream(client: Client, path: string, metadata: Metadata): WorldStream {
  const received: StreamMessage[] = [];
  const stream: ClientDuplexStream<Uint8Array, Uint8Array> = client.makeBidiStreamRequest(
    path,
    identity,
    unchanged,
    toGrpc(metadata),
    {},
  );
  let ended = false;
  const end = (code: number, message: string): void => {
    if (ended) return;
    ended = true;
    received.push({kind: 'end', code, message});
  };
  stream.on('data', (response: Uint8Array) => received.push({kind: 'message', response}));
  stream.on('error', (error) => {
    const {code = CANCELLED, details = error.message} = error as Partial<ServiceError> & Error;
    end(code, details);
  });
  stream.on('status', ({code, details}) => end(code, details));
  return {
    received,
    send(request) {
      if (!ended) stream.write(request);
    },
    closeSend: () => stream.end(),
    cancel: () => stream.cancel(),
  };
}

async function httpGet(
  cluster: RealCluster,
  member: number,
  port: 'client' | 'peer',
  path: string,
): Promise<HttpReply> {
  const address = cluster.members[member];
  assert(address !== undefined, 'no such member', {member});
  const answer = await fetch(`${port === 'client' ? address.clientUrl : address.peerUrl}${path}`);
  return {status: answer.status, body: await answer.text()};
}
