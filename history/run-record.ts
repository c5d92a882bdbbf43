// history/run-record.ts: one JSON document that says all of a run and is enough to replay it.
// The zod definition below is the only one: the type, the check of a file and the published JSON Schema come from it.
// Promise: what encodeRunRecord writes, decodeRunRecord reads back equal; anything else gets an InputError with the place.
import {z} from 'zod';
import {InputError} from '../base/input-error.ts';
import {type ClusterLog, clusterLogSchema} from './cluster-log.ts';
import type {KvStep, Operation, StepResponse} from './operation.ts';
import type {TimelineEvent} from './timeline.ts';
import type {Finding} from './verdict.ts';
import {type WatchLog, watchLogSchema} from './watch-log.ts';

export const RUN_RECORD_FORMAT = 'etcdsim-run';
export const RUN_RECORD_VERSION = 1;

const timeUs = z.int().min(0);
const count = z.int().min(0);
const bytes = z.string();
const optional = <T extends z.ZodType>(schema: T) => schema.optional();

const keyValue = z.strictObject({key: bytes, value: bytes, createRevision: count, modRevision: count, version: count});

const rangeFields = {
  kind: z.literal('range'),
  key: bytes,
  end: optional(bytes),
  revision: optional(count),
  limit: optional(count),
  countOnly: optional(z.boolean()),
};
const putFields = {kind: z.literal('put'), key: bytes, value: bytes, prevKv: optional(z.boolean())};
const deleteFields = {kind: z.literal('delete-range'), key: bytes, end: optional(bytes), prevKv: optional(z.boolean())};
const compare = z.strictObject({
  key: bytes,
  target: z.enum(['version', 'create', 'mod', 'value']),
  result: z.enum(['equal', 'not-equal', 'greater', 'less']),
  operand: z.union([z.int(), bytes]),
});
const kvStep: z.ZodType<KvStep> = z.lazy(() => z.discriminatedUnion('kind', stepOptions({})));
const txnFields = {
  kind: z.literal('txn'),
  compare: z.array(compare),
  success: z.array(kvStep),
  failure: z.array(kvStep),
};

function stepOptions<Extra extends z.ZodRawShape>(extra: Extra) {
  return [
    z.strictObject({...rangeFields, ...extra}),
    z.strictObject({...putFields, ...extra}),
    z.strictObject({...deleteFields, ...extra}),
    z.strictObject({...txnFields, ...extra}),
  ] as const;
}

const kvRequest = z.discriminatedUnion('kind', stepOptions({serializable: optional(z.boolean())}));

const rangeAnswer = {kind: z.literal('range'), kvs: z.array(keyValue), count, more: z.boolean()};
const putAnswer = {kind: z.literal('put'), prevKv: optional(keyValue)};
const deleteAnswer = {kind: z.literal('delete-range'), deleted: count, prevKvs: optional(z.array(keyValue))};
const stepResponse: z.ZodType<StepResponse> = z.lazy(() => z.discriminatedUnion('kind', responseOptions({})));
const txnAnswer = {kind: z.literal('txn'), succeeded: z.boolean(), responses: z.array(stepResponse)};

function responseOptions<Extra extends z.ZodRawShape>(extra: Extra) {
  return [
    z.strictObject({...rangeAnswer, ...extra}),
    z.strictObject({...putAnswer, ...extra}),
    z.strictObject({...deleteAnswer, ...extra}),
    z.strictObject({...txnAnswer, ...extra}),
  ] as const;
}

const outcome = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ok'),
    response: z.discriminatedUnion('kind', responseOptions({revision: count, member: z.string()})),
  }),
  z.strictObject({kind: z.literal('error'), error: z.string(), effect: z.enum(['none', 'unknown'])}),
  z.strictObject({kind: z.literal('open')}),
]);

const operation = z.strictObject({
  id: count,
  client: count,
  request: kvRequest,
  callUs: timeUs,
  returnUs: timeUs.optional(),
  outcome,
});

const finding = z.strictObject({
  check: z.string(),
  kind: z.enum(['violation', 'unknown']),
  message: z.string(),
  atUs: optional(timeUs),
  atEvent: optional(count),
  operations: optional(z.array(count)),
  key: optional(z.string()),
  linearizations: optional(z.array(z.array(count))),
});

const role = z.enum(['follower', 'pre-candidate', 'candidate', 'leader', 'learner']);
const timelineEvent = z.discriminatedUnion('kind', [
  z.strictObject({kind: z.literal('start'), atUs: timeUs, member: z.string(), release: z.string()}),
  z.strictObject({
    kind: z.literal('stop'),
    atUs: timeUs,
    member: z.string(),
    how: z.enum(['kill', 'power-off', 'panic', 'stop']),
    message: optional(z.string()),
  }),
  z.strictObject({kind: z.literal('role'), atUs: timeUs, member: z.string(), role, term: count}),
  z.strictObject({
    kind: z.literal('fault'),
    atUs: timeUs,
    untilUs: optional(timeUs),
    fault: z.string(),
    members: z.array(z.string()),
    detail: z.string(),
  }),
  z.strictObject({kind: z.literal('phase'), atUs: timeUs, phase: z.enum(['safety', 'heal', 'liveness'])}),
  z.strictObject({kind: z.literal('note'), atUs: timeUs, member: z.string(), text: z.string()}),
]);

/** The schema of a run record; `z.toJSONSchema(runRecordSchema)` is what docs/run-record.schema.json holds. */
export const runRecordSchema = z.strictObject({
  format: z.literal(RUN_RECORD_FORMAT),
  formatVersion: z.literal(RUN_RECORD_VERSION),
  codeVersion: z.string(),
  scenario: z.string(),
  /** A whole number below 2^53. */
  seed: z.int().min(0),
  /** Names of the servers, in order; lanes of the report. */
  members: z.array(z.string()),
  releases: z.array(z.string()),
  /** A deliberate defect that was switched on, if any. */
  plant: optional(z.string()),
  /** What was changed in the drawn plan, by path, as --set gives it; absent when nothing was. */
  overrides: optional(z.array(z.strictObject({path: z.string(), value: z.unknown()}))),
  /** The complete plan as drawn from the seed and changed; scenarios/plan.ts knows its schema and checks it on replay. */
  plan: z.record(z.string(), z.unknown()),
  verdict: z.enum(['ok', 'violation', 'unknown']),
  findings: z.array(finding),
  operations: z.array(operation),
  timeline: z.array(timelineEvent),
  /** What watching clients asked for and were told; absent: there were none, or nobody wrote it down. */
  watches: optional(z.array(watchLogSchema)),
  /** What became of the members, and what each held from time to time; absent: nobody wrote it down. */
  cluster: optional(clusterLogSchema),
  statistics: z.strictObject({
    simulatedUs: timeUs,
    eventCount: count,
    operationCount: count,
    operationOkCount: count,
    operationUnknownCount: count,
    /** How often each marked place was reached. */
    marks: z.record(z.string(), count),
  }),
  /** 64 bits, 16 hex digits: equal seeds and plans give equal digests. */
  digest: z.string().regex(/^[0-9a-f]{16}$/),
});

type Parsed = z.infer<typeof runRecordSchema>;

/** The run record; operations, timeline, findings, watches and the cluster's log have the types of their own files. */
export type RunRecord = Readonly<Omit<Parsed, 'operations' | 'timeline' | 'findings' | 'watches' | 'cluster'>> & {
  readonly watches?: readonly WatchLog[] | undefined;
  readonly cluster?: ClusterLog | undefined;
  readonly operations: readonly Operation[];
  readonly timeline: readonly TimelineEvent[];
  readonly findings: readonly Finding[];
};

/** The record as JSON text, keys in the order they were made, ending with a newline. */
export function encodeRunRecord(record: RunRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Reads a record; `place` (a path) goes into the InputError when it is not one. */
export function decodeRunRecord(text: string, place: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${place}: not JSON: ${(error as Error).message}`);
  }
  return parseRunRecord(json, place);
}

/** Checks a parsed JSON value; `place` goes into the InputError. */
export function parseRunRecord(json: unknown, place: string): RunRecord {
  const head = json as {format?: unknown; formatVersion?: unknown} | null;
  if (typeof head !== 'object' || head === null || head.format !== RUN_RECORD_FORMAT) {
    throw new InputError(`${place}: not an etcdsim run record: "format" must be "${RUN_RECORD_FORMAT}"`);
  }
  if (head.formatVersion !== RUN_RECORD_VERSION) {
    throw new InputError(
      `${place}: run record of format version ${String(head.formatVersion)}; this etcdsim reads ${RUN_RECORD_VERSION}`,
    );
  }
  const result = runRecordSchema.safeParse(json);
  if (result.success) return result.data as RunRecord;
  const [issue] = result.error.issues;
  throw new InputError(`${place}: at ${issue?.path.join('.') || 'the top'}: ${issue?.message ?? 'not a run record'}`);
}
