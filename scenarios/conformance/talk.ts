// scenarios/conformance/talk.ts: conversations with a simulated cluster in typed requests, for transcripts of what real servers said.
import {must} from '../../base/assert.ts';
import type {Method} from '../../server-core/etcdserverpb/rpc.ts';
import {RPCS} from '../../server-core/etcdserverpb/rpc.ts';
import type {ServerConfig} from '../../server-core/server/config.ts';
import type {LockstepStream} from '../lockstep.ts';
import {LockstepCluster} from '../lockstep.ts';

/** A response, or `code message` of an error, as the errata write it. */
export type Said = Readonly<Record<string, unknown>> | string;

export interface TalkOptions {
  readonly release: string;
  readonly memberCount?: number;
  readonly seed?: number;
  readonly options?: Partial<ServerConfig>;
}

/** A fresh cluster and short words for talking to it. */
export class Talk {
  readonly cluster: LockstepCluster;
  token: string | undefined;
  /** Calls and streams are refused while the member knows no leader: the metadata `hasleader: true`. */
  requiresLeader = false;

  constructor({release, memberCount = 1, seed = 1, options = {}}: TalkOptions) {
    const members = Array.from({length: memberCount}, (_, index) => ({
      name: `m${index}`,
      peerUrl: `http://127.0.0.1:${22_901 + 2 * index}`,
      clientUrl: `http://127.0.0.1:${22_900 + 2 * index}`,
    }));
    this.cluster = new LockstepCluster({
      release,
      members,
      clusterToken: 'tkn',
      seed,
      options: {bcryptCost: 4, ...options},
    });
  }

  /** Calls `KV/Put` and the like; fields that are left out are zero. */
  say(name: string, request: object = {}, member = 0): Said {
    const method = methodOf(name);
    const {request: codec, response} = RPCS[method];
    const reply = this.cluster.call(member, method, codec.encode(codec.make(request)), this.metadata());
    if (reply === undefined) return 'no answer';
    if (reply.kind === 'error') return `${reply.code} ${reply.message}`;
    return response.decode(reply.response) as Readonly<Record<string, unknown>>;
  }

  /** As say(); an error is a failure of the test. */
  ok(name: string, request: object = {}, member = 0): Readonly<Record<string, unknown>> {
    const said = this.say(name, request, member);
    if (typeof said === 'string') throw new Error(`${name}: ${said}`);
    return said;
  }

  /** Begins a call that may stay open; ask the result for what was said, undefined while nothing was. */
  begin(name: string, request: object = {}, member = 0): () => Said | undefined {
    const method = methodOf(name);
    const {request: codec, response} = RPCS[method];
    const pending = this.cluster.begin(member, method, codec.encode(codec.make(request)), this.metadata());
    return () => {
      const {outcome} = pending;
      if (outcome === undefined) return undefined;
      if (outcome.kind === 'error') return `${outcome.code} ${outcome.message}`;
      return response.decode(outcome.response) as Readonly<Record<string, unknown>>;
    };
  }

  /** Opens a stream. */
  stream(name: string, member = 0): TalkStream {
    const method = methodOf(name);
    return new TalkStream(this.cluster, method, this.cluster.openStream(member, method, this.metadata()));
  }

  private metadata(): Record<string, string> {
    const token = this.token === undefined ? {} : {token: this.token};
    return this.requiresLeader ? {...token, hasleader: 'true'} : token;
  }
}

export class TalkStream {
  private readonly cluster: LockstepCluster;
  private readonly method: Method;
  private readonly stream: LockstepStream;
  private readCount = 0;

  constructor(cluster: LockstepCluster, method: Method, stream: LockstepStream) {
    this.cluster = cluster;
    this.method = method;
    this.stream = stream;
  }

  send(request: object): void {
    const {request: codec} = RPCS[this.method];
    this.stream.send(codec.encode(codec.make(request)));
  }

  /** What has come since the last look, after so much virtual time. */
  heard(afterMs = 300): Said[] {
    this.cluster.advance(afterMs * 1000);
    const fresh = this.stream.received.slice(this.readCount);
    this.readCount = this.stream.received.length;
    return fresh.map((event) =>
      event.kind === 'end'
        ? `${event.code} ${event.message}`
        : (RPCS[this.method].response.decode(event.response) as Readonly<Record<string, unknown>>),
    );
  }
}

function methodOf(name: string): Method {
  const found = (Object.keys(RPCS) as Method[]).find((method) => method.endsWith(`.${name}`));
  return must(found, 'no such RPC', {name});
}
