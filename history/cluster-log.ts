// history/cluster-log.ts: what a cluster's members were and became over a run, as far as checks of its life need it: events in order, and
// snapshots of what each member holds. Plain data, taken from inside by scenarios/ (or asked of real processes, where they tell);
// not server-core's types on purpose, as in history/operation.ts. Times are whole microseconds of virtual time.
import {z} from 'zod';

/** `3.5.0`: how etcd writes cluster versions, storage versions and targets of downgrades. */
export type MinorVersion = string;

export interface ListedMember {
  /** 16 hex digits. */
  readonly id: string;
  /** Empty until the member has published it. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** A member list in one place: the v2 store or the backend. */
export interface MemberList {
  /** In any order. */
  readonly members: readonly ListedMember[];
  /** Ids that may never come back. */
  readonly removed: readonly string[];
}

/** What is in a member's backend, apart from the keys of users. */
export interface StorageSnapshot {
  /** Names of all buckets, in any order. */
  readonly buckets: readonly string[];
  /** Keys in the bucket `meta`. */
  readonly metaKeys: readonly string[];
  /** Keys in the bucket `cluster`. */
  readonly clusterKeys: readonly string[];
  /** meta / term; 0 when absent. */
  readonly term: number;
  /** meta / storageVersion. */
  readonly storageVersion?: string | undefined;
}

/** One running member at one moment between two entries. Parts that were not looked at are absent. */
export interface MemberSnapshot {
  readonly atUs: number;
  readonly member: string;
  readonly release: string;
  /** Disaster recoveries before it: what two clusters hold at one revision or index is not compared. Absent: 0. */
  readonly epoch?: number | undefined;
  readonly appliedIndex: number;
  /** It has applied again what it had applied before its last start: its lists no longer run behind each other. */
  readonly isCaughtUp: boolean;
  /** HashKV of everything up to `revision`. */
  readonly hash?: {readonly revision: number; readonly compactRevision: number; readonly hash: number} | undefined;
  readonly storage?: StorageSnapshot | undefined;
  /** As the member has applied it; null: not decided. */
  readonly clusterVersion?: MinorVersion | null | undefined;
  readonly downgrade?: {readonly enabled: boolean; readonly target: MinorVersion} | undefined;
  /** Releases from 3.7 on have no list in a v2 store. */
  readonly v2Members?: MemberList | undefined;
  readonly backendMembers?: MemberList | undefined;
  /** raft's configuration: ids. */
  readonly raft?: {readonly voters: readonly string[]; readonly learners: readonly string[]} | undefined;
}

/** What happened in a cluster's life. `member` is a name. */
export type ClusterEvent =
  | {
      readonly kind: 'up';
      readonly atUs: number;
      readonly member: string;
      readonly release: string;
      /** --next-cluster-version-compatible of 3.4.32 and later. */
      readonly acceptsNextVersion?: boolean | undefined;
    }
  /** `entry`: the index of the committed entry that it died of, where it is one. */
  | {
      readonly kind: 'down';
      readonly atUs: number;
      readonly member: string;
      readonly how: 'stop' | 'kill' | 'power-off' | 'panic';
      readonly message?: string | undefined;
      readonly entry?: number | undefined;
    }
  /** The member list has it from now on, learners included; the members of a bootstrap too. */
  | {readonly kind: 'added'; readonly atUs: number; readonly member: string}
  | {readonly kind: 'removed'; readonly atUs: number; readonly member: string}
  | {readonly kind: 'leader'; readonly atUs: number; readonly member: string}
  /** The first member has applied an entry that sets it. */
  | {readonly kind: 'cluster-version'; readonly atUs: number; readonly version: MinorVersion}
  /** The first member has applied an entry that sets the job. `by`: whether somebody asked for it, or the leader ended a finished job. */
  | {
      readonly kind: 'downgrade';
      readonly atUs: number;
      readonly enabled: boolean;
      readonly target: MinorVersion;
      readonly by?: 'request' | 'leader' | undefined;
    }
  /** A new cluster goes on with data of the one before (a restored snapshot, --force-new-cluster): who is in it is told anew. */
  | {readonly kind: 'recovered'; readonly atUs: number};

export interface ClusterLog {
  /** In order of time. */
  readonly events: readonly ClusterEvent[];
  readonly snapshots: readonly MemberSnapshot[];
  /** From when on to the end there was no fault, and nothing was asked of the cluster that concerns its life; absent: never. */
  readonly calmFromUs?: number | undefined;
  readonly endUs: number;
  /** What was done on purpose that no document of etcd allows, in words; then no member's death is held against it. */
  readonly undocumented?: string | undefined;
}

const timeUs = z.int().min(0);
const count = z.int().min(0);
const memberList = z.strictObject({
  members: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      peerUrls: z.array(z.string()),
      clientUrls: z.array(z.string()),
      isLearner: z.boolean(),
    }),
  ),
  removed: z.array(z.string()),
});

const snapshot = z.strictObject({
  atUs: timeUs,
  member: z.string(),
  release: z.string(),
  epoch: count.optional(),
  appliedIndex: count,
  isCaughtUp: z.boolean(),
  hash: z.strictObject({revision: count, compactRevision: z.int().min(-1), hash: count}).optional(),
  storage: z
    .strictObject({
      buckets: z.array(z.string()),
      metaKeys: z.array(z.string()),
      clusterKeys: z.array(z.string()),
      term: count,
      storageVersion: z.string().optional(),
    })
    .optional(),
  clusterVersion: z.string().nullable().optional(),
  downgrade: z.strictObject({enabled: z.boolean(), target: z.string()}).optional(),
  v2Members: memberList.optional(),
  backendMembers: memberList.optional(),
  raft: z.strictObject({voters: z.array(z.string()), learners: z.array(z.string())}).optional(),
});

const named = {atUs: timeUs, member: z.string()};
const event = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('up'),
    ...named,
    release: z.string(),
    acceptsNextVersion: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('down'),
    ...named,
    how: z.enum(['stop', 'kill', 'power-off', 'panic']),
    message: z.string().optional(),
    entry: count.optional(),
  }),
  z.strictObject({kind: z.literal('added'), ...named}),
  z.strictObject({kind: z.literal('removed'), ...named}),
  z.strictObject({kind: z.literal('leader'), ...named}),
  z.strictObject({kind: z.literal('cluster-version'), atUs: timeUs, version: z.string()}),
  z.strictObject({
    kind: z.literal('downgrade'),
    atUs: timeUs,
    enabled: z.boolean(),
    target: z.string(),
    by: z.enum(['request', 'leader']).optional(),
  }),
  z.strictObject({kind: z.literal('recovered'), atUs: timeUs}),
]);

/** The schema of a cluster's log in a run record. */
export const clusterLogSchema = z.strictObject({
  events: z.array(event),
  snapshots: z.array(snapshot),
  calmFromUs: timeUs.optional(),
  endUs: timeUs,
  undocumented: z.string().optional(),
});
