// history/watch-log.ts: what each watch was asked, what it was told, in order, and where it went on when its stream broke.
// A watch here is one watch as its user holds it: it may live on many streams one after the other. These types are not
// server-core's on purpose, as in history/operation.ts. Times are whole microseconds of virtual time; keys and values byte strings.
// The zod definition below fits into history/run-record.ts as the optional field `watches: z.array(watchLogSchema).optional()`.
// Compact: whatever has etcd's default (0, false, '', no list) may be left out where the field is optional.
import {z} from 'zod';
import type {ByteString} from '../base/byte-string.ts';
import type {KeyValue} from './operation.ts';

export type WatchFilter = 'no-put' | 'no-delete';

/** etcdserverpb.WatchCreateRequest as the user meant it. */
export interface WatchLogRequest {
  readonly key: ByteString;
  /** Absent or '': the one key; "\0": all keys from `key` on. */
  readonly rangeEnd?: ByteString | undefined;
  /** The first revision wanted; 0 or absent: what comes after the watch is created. */
  readonly startRevision?: number | undefined;
  readonly filters?: readonly WatchFilter[] | undefined;
  readonly prevKv?: boolean | undefined;
  readonly progressNotify?: boolean | undefined;
  /** The server may cut an answer into pieces. */
  readonly fragment?: boolean | undefined;
}

/** mvccpb.Event. A deletion has only key and modRevision; etcd leaves its other numbers 0 and its value empty. */
export interface WatchLogEvent {
  readonly type: 'put' | 'delete';
  readonly key: ByteString;
  readonly value: ByteString;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
  /** Id of the lease, 16 hex digits; absent: none, or not recorded. */
  readonly lease?: string | undefined;
  readonly prevKv?: KeyValue | undefined;
}

/** One thing a watch was told, or that happened to its stream. `revision` is the header's. */
export type WatchLogEntry =
  /** The server has the watch. */
  | {readonly kind: 'created'; readonly atUs: number; readonly revision: number}
  /** `fragment`: the rest of this answer follows in the next entry. An answer that breaks off is not counted as told. */
  | {
      readonly kind: 'events';
      readonly atUs: number;
      readonly revision: number;
      readonly events: readonly WatchLogEvent[];
      readonly fragment?: boolean | undefined;
    }
  /** A bookmark: everything up to `revision` has been told. */
  | {readonly kind: 'progress'; readonly atUs: number; readonly revision: number}
  /** The stream broke and the watch was asked for again, from `startRevision` on (as it went over the wire), at this endpoint. */
  | {
      readonly kind: 'resumed';
      readonly atUs: number;
      readonly startRevision: number;
      readonly endpoint?: string | undefined;
    }
  /** The end: what was wanted is gone; `compactRevision` is the first revision that can be had. */
  | {
      readonly kind: 'compacted';
      readonly atUs: number;
      readonly revision: number;
      readonly compactRevision: number;
    }
  /** The end for another reason: the server's words, or the client's. */
  | {
      readonly kind: 'cancelled';
      readonly atUs: number;
      readonly revision?: number | undefined;
      readonly reason: string;
    };

/** One watch. `id` counts from 0 over all watches of a run; `client` counts from 0. */
export interface WatchLog {
  readonly id: number;
  readonly client: number;
  readonly request: WatchLogRequest;
  readonly openedUs: number;
  /** Where it was first asked for. */
  readonly endpoint?: string | undefined;
  /** When its user gave it up or it ended; undefined: open when the run ended. */
  readonly closedUs?: number | undefined;
  readonly entries: readonly WatchLogEntry[];
}

const timeUs = z.int().min(0);
const count = z.int().min(0);
const bytes = z.string();
const keyValue = z.strictObject({key: bytes, value: bytes, createRevision: count, modRevision: count, version: count});

const event = z.strictObject({
  type: z.enum(['put', 'delete']),
  key: bytes,
  value: bytes,
  modRevision: count,
  createRevision: count,
  version: count,
  lease: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  prevKv: keyValue.optional(),
});

const entry = z.discriminatedUnion('kind', [
  z.strictObject({kind: z.literal('created'), atUs: timeUs, revision: count}),
  z.strictObject({
    kind: z.literal('events'),
    atUs: timeUs,
    revision: count,
    events: z.array(event),
    fragment: z.boolean().optional(),
  }),
  z.strictObject({kind: z.literal('progress'), atUs: timeUs, revision: count}),
  // A start below 0 is a user's mistake that etcd up to 3.5.21 takes for "from now on".
  z.strictObject({kind: z.literal('resumed'), atUs: timeUs, startRevision: z.int(), endpoint: z.string().optional()}),
  z.strictObject({kind: z.literal('compacted'), atUs: timeUs, revision: count, compactRevision: count}),
  z.strictObject({kind: z.literal('cancelled'), atUs: timeUs, revision: count.optional(), reason: z.string()}),
]);

/** The schema of one watch in a run record. */
export const watchLogSchema = z.strictObject({
  id: count,
  client: count,
  request: z.strictObject({
    key: bytes,
    rangeEnd: bytes.optional(),
    startRevision: z.int().optional(),
    filters: z.array(z.enum(['no-put', 'no-delete'])).optional(),
    prevKv: z.boolean().optional(),
    progressNotify: z.boolean().optional(),
    fragment: z.boolean().optional(),
  }),
  openedUs: timeUs,
  endpoint: z.string().optional(),
  closedUs: timeUs.optional(),
  entries: z.array(entry),
});
