// live/upgrade/upgrade-world.ts: a cluster, real or simulated, whose members are stopped, given other binaries and started one by one.
// What both worlds have in common, so that one operator (operator.ts) carries out the same steps in both.
import type {HttpReply, MemberAddress, Metadata, PendingCall, Reply, WorldStream} from '../world.ts';

/** Where the members live: the founders, and behind them those that may be added later. Ids follow from URLs and token. */
export interface UpgradeAddresses {
  readonly members: readonly MemberAddress[];
  readonly founderCount: number;
  readonly clusterToken: string;
}

/** What became of a member's process. */
export type ProcessState =
  /** It was not started yet, or was taken down. */
  | {readonly kind: 'down'}
  | {readonly kind: 'running'}
  /** It ended of itself; `reason` is the first thing that it said about that, as a sentence. */
  | {readonly kind: 'ended'; readonly reason: string; readonly lastWords: string};

/** How one incarnation is started. `initialCluster` counts only where there is no data yet. */
export interface StartOptions {
  readonly release: string;
  readonly initialClusterState: 'new' | 'existing';
  readonly initialCluster: readonly MemberAddress[];
  /** Undefined: the release's own. */
  readonly snapshotCount: number | undefined;
  /** Further flags by name, those of a release or minor behind `3.5:`. */
  readonly flags: Readonly<Record<string, string>>;
  /** --force-new-cluster: it goes on alone with what it has. */
  readonly forceNewCluster: boolean;
}

/** What `etcdutl snapshot restore` is told. */
export interface RestoreRequest {
  /** Whose tool. */
  readonly release: string;
  readonly snapshot: Uint8Array;
  readonly initialCluster: readonly MemberAddress[];
  /** --bump-revision, and --mark-compacted. */
  readonly bumpRevision: number | undefined;
  readonly markCompacted: boolean | undefined;
}

/** --initial-cluster-token of clusters that begin with a snapshot. */
export const RESTORED_TOKEN = 'etcd-restored';

/** Members are told by their place in `members`. Everything crosses as protobuf bytes. */
export interface UpgradeWorld {
  readonly name: string;
  readonly members: readonly MemberAddress[];
  /** Starts the process on the data directory of before; returns at once. */
  start(member: number, options: StartOptions): void;
  /** SIGTERM, and waits until it is gone; false: it had to be killed after all. */
  stop(member: number): Promise<boolean>;
  /** SIGKILL, and waits until it is gone. */
  kill(member: number): Promise<void>;
  stateOf(member: number): ProcessState;
  /** Makes the data directory of a member that was never started from a snapshot; a text: why the tool did not. */
  restore(member: number, request: RestoreRequest): Promise<string | undefined>;
  /** A call over a connection that is broken anew with each incarnation; silence where nobody listens. */
  call(member: number, path: string, request: Uint8Array, metadata: Metadata): Promise<Reply>;
  /** A call whose answer is looked for later; it moves on with `sleep`. */
  begin(member: number, path: string, request: Uint8Array, metadata: Metadata): PendingCall;
  /** A stream; where nobody listens it ends at once. */
  openStream(member: number, path: string): WorldStream;
  /** GET on the client port; undefined: no connection, or no answer in time. */
  http(member: number, path: string): Promise<HttpReply | undefined>;
  /** Lets that much of the world's own time pass. */
  sleep(ms: number): Promise<void>;
  /** The world's own clock, in milliseconds from its start. */
  nowMs(): number;
  close(): Promise<void>;
}
