// checkers/check-history.ts: a history in any known format, from text to verdict.
// Formats: Jepsen's log of an etcd register, Porcupine's key-value log, etcdsim's run record. The format is told by the
// first line unless named. Text may come in pieces: logs are read line by line, so a file much larger than the longest
// string is no problem; a run record is one JSON document and has a size limit.
// Promise: text that cannot be used gives one InputError with place, line and reason.
import {InputError} from '../base/input-error.ts';
import {createJepsenLogReader, isJepsenLine, type RegisterCall} from '../history/readers/jepsen-log.ts';
import {type HistoryReader, quoteLine} from '../history/readers/lines.ts';
import {createPorcupineKvReader, isPorcupineKvLine, type KvCall} from '../history/readers/porcupine-kv.ts';
import {decodeRunRecord} from '../history/run-record.ts';
import {type Finding, type VerdictKind, verdictOf} from '../history/verdict.ts';
import {checkCluster} from './cluster/check-cluster.ts';
import {checkEtcdHistory, SWEEP_STEPS_MAX_DEFAULT} from './kv/etcd-history.ts';
import {keysOf, kvByKeyModel, kvWholeModel} from './models/kv.ts';
import {registerModel} from './models/register.ts';
import {checkCalls, STEPS_MAX_DEFAULT} from './porcupine/check.ts';
import {checkWatches} from './watch/check-watches.ts';

export type HistoryFormat = 'jepsen' | 'porcupine-kv' | 'etcdsim';

/** kv: partitioned by key; kv-whole: the store as one object (slow, for comparison). */
export type HistoryModel = 'register' | 'kv' | 'kv-whole' | 'etcd';

export interface CheckHistoryOptions {
  /** What goes into error messages: a path. */
  readonly place: string;
  readonly format?: HistoryFormat | 'auto' | undefined;
  readonly model?: HistoryModel | undefined;
  /** Steps of the search; default: as many as a minute or so takes. */
  readonly budget?: number | undefined;
}

export interface CheckedHistory {
  readonly format: HistoryFormat;
  readonly model: HistoryModel;
  readonly operationCount: number;
  readonly verdict: VerdictKind;
  readonly findings: readonly Finding[];
}

/** Characters of a run record at most: it must be in memory as text and as objects at once. */
export const RUN_RECORD_SIZE_MAX = 64 * 1024 * 1024;

/** Characters looked at to tell the format, where the first line is longer. */
const HEAD_SIZE = 4096;

/** The models that fit a format; the first is the default. */
const MODELS: Readonly<Record<HistoryFormat, readonly HistoryModel[]>> = {
  jepsen: ['register'],
  'porcupine-kv': ['kv', 'kv-whole'],
  etcdsim: ['etcd'],
};

/** Judges a whole text. Throws InputError. */
export function checkHistory(text: string, options: CheckHistoryOptions): CheckedHistory {
  const checker = createHistoryChecker(options);
  checker.push(text);
  return checker.finish();
}

/** Judges a text that comes in pieces. Throws InputError as soon as a piece cannot be used. */
export function createHistoryChecker(options: CheckHistoryOptions): HistoryReader<CheckedHistory> {
  let head = '';
  let inner: HistoryReader<CheckedHistory> | undefined;
  const open = (): HistoryReader<CheckedHistory> => {
    const {format = 'auto'} = options;
    return createChecker(format === 'auto' ? detectFormat(head, options.place) : format, options);
  };
  return {
    push(chunk) {
      if (inner !== undefined) return inner.push(chunk);
      head += chunk;
      if (head.length < HEAD_SIZE && !head.includes('\n')) return;
      inner = open();
      inner.push(head);
      head = '';
    },
    finish() {
      if (inner === undefined) {
        if (head === '') throw new InputError(`${options.place}: line 1: empty file`);
        inner = open();
        inner.push(head);
      }
      return inner.finish();
    },
  };
}

/** Tells the format by the first line. */
export function detectFormat(head: string, place: string): HistoryFormat {
  const end = head.indexOf('\n');
  const line = (end < 0 ? head : head.slice(0, end)).trimEnd();
  if (isPorcupineKvLine(line)) return 'porcupine-kv';
  if (line.startsWith('{')) return 'etcdsim';
  if (isJepsenLine(line)) return 'jepsen';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const isBinary = /[\x00-\x08\x0e-\x1f\ufffd]/.test(line);
  if (isBinary) throw new InputError(`${place}: line 1: binary content, not text`);
  throw new InputError(
    `${place}: line 1: not a history of a known format (jepsen, porcupine-kv, etcdsim): ${quoteLine(line)}`,
  );
}

function createChecker(format: HistoryFormat, options: CheckHistoryOptions): HistoryReader<CheckedHistory> {
  const models = MODELS[format];
  const model = options.model ?? (models[0] as HistoryModel);
  if (!models.includes(model)) {
    throw new InputError(`${options.place}: model ${model} does not fit format ${format}; use ${models.join(' or ')}`);
  }
  switch (format) {
    case 'jepsen': {
      const reader = createJepsenLogReader(options.place);
      return {push: reader.push, finish: () => judgeRegister(reader.finish(), options)};
    }
    case 'porcupine-kv': {
      const reader = createPorcupineKvReader(options.place);
      return {push: reader.push, finish: () => judgeKv(reader.finish(), model, options)};
    }
    case 'etcdsim':
      return createRunRecordChecker(options);
  }
}

function judgeRegister(calls: readonly RegisterCall[], {budget}: CheckHistoryOptions): CheckedHistory {
  const {verdict, findings} = checkCalls(registerModel, calls, {stepsMax: budget ?? STEPS_MAX_DEFAULT});
  return {format: 'jepsen', model: 'register', operationCount: calls.length, verdict, findings};
}

function judgeKv(calls: readonly KvCall[], model: HistoryModel, {budget}: CheckHistoryOptions): CheckedHistory {
  const options = {stepsMax: budget ?? STEPS_MAX_DEFAULT};
  const {verdict, findings} =
    model === 'kv-whole'
      ? checkCalls(kvWholeModel(keysOf(calls)), calls, options)
      : checkCalls(kvByKeyModel, calls, options);
  return {format: 'porcupine-kv', model, operationCount: calls.length, verdict, findings};
}

function createRunRecordChecker({place, budget}: CheckHistoryOptions): HistoryReader<CheckedHistory> {
  const chunks: string[] = [];
  let size = 0;
  return {
    push(chunk) {
      size += chunk.length;
      if (size > RUN_RECORD_SIZE_MAX) {
        throw new InputError(
          `${place}: line 1: a run record of more than ${RUN_RECORD_SIZE_MAX} characters is not read`,
        );
      }
      chunks.push(chunk);
    },
    finish() {
      const {operations, timeline, watches = [], cluster} = decodeRunRecord(chunks.join(''), place);
      const history = checkEtcdHistory({operations, timeline}, budget ?? SWEEP_STEPS_MAX_DEFAULT);
      // What was applied is not in a record: watches are held against what they and others were told.
      const findings = [
        ...history.findings,
        ...checkWatches(watches, undefined),
        ...(cluster === undefined ? [] : checkCluster(cluster)),
      ];
      return {
        format: 'etcdsim',
        model: 'etcd',
        operationCount: operations.length,
        verdict: verdictOf(findings),
        findings,
      };
    },
  };
}
