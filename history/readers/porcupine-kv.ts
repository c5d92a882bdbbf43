// history/readers/porcupine-kv.ts: Porcupine's key-value logs: gets, puts and appends on text.
// A line is an EDN map: {:process 9, :type :invoke, :f :append, :key "0", :value "x 9 0 y"}; a get is invoked with nil and
// answers with text. Types as Jepsen's: invoke, ok, fail (did not take place), info (may have).
import {InputError} from '../../base/input-error.ts';
import {type HistoryReader, LineSplitter, quoteLine} from './lines.ts';
import {OpenCalls} from './open-calls.ts';
import type {RecordedCall} from './recorded-call.ts';

export type KvInput =
  | {readonly kind: 'get'; readonly key: string}
  | {readonly kind: 'put' | 'append'; readonly key: string; readonly value: string};

/** What a get read; '' for a put or an append. An absent key reads as ''. */
export interface KvOutput {
  readonly value: string;
}

export type KvCall = RecordedCall<KvInput, KvOutput>;

const LINE =
  /^\{:process (\d{1,9}), :type :(invoke|ok|fail|info), :f :([a-z-]+), :key ("(?:[^"\\]|\\.)*"|nil|[^\s,"{}]+), :value ("(?:[^"\\]|\\.)*"|nil|:[a-z-]+|[^\s,"{}]+)\}\s*$/;

const DONE: KvOutput = {value: ''};

/** A reader of one Porcupine key-value log; `place` (a path) goes into errors. */
export function createPorcupineKvReader(place: string): HistoryReader<KvCall[]> {
  const calls = new OpenCalls<KvInput, KvOutput>();
  const keys = new Map<string, string>();
  const lines = new LineSplitter(place, (line, number) => {
    const reason = takeLine(calls, keys, line);
    if (reason !== undefined) throw lines.error(number, reason);
  });
  return {
    push: (chunk) => lines.push(chunk),
    finish() {
      lines.finish('may-end-open'); // a cut map has no closing brace
      if (calls.count() === 0) throw new InputError(`${place}: line 1: no operation in the whole file`);
      return calls.finish();
    },
  };
}

/** Does this line look like one of a Porcupine key-value log? For telling formats apart. */
export function isPorcupineKvLine(line: string): boolean {
  return line.startsWith('{:process ');
}

function takeLine(calls: OpenCalls<KvInput, KvOutput>, keys: Map<string, string>, line: string): string | undefined {
  const match = LINE.exec(line);
  if (match === null) return `not a line of a Porcupine key-value log: ${quoteLine(line)}`;
  const process = Number(match[1]);
  const type = match[2] as string;
  const f = match[3] as string;
  const value = match[5] as string;
  const key = parseText(match[4] as string);
  if (f !== 'get' && f !== 'put' && f !== 'append') return `:${f} is not an operation of a store (get, put, append)`;
  if (key === undefined) return `:key is not text: ${quoteLine(match[4] as string)}`;
  if (type === 'invoke') {
    // One string object for each key, so that a long file does not keep all its lines alive for their keys.
    let shared = keys.get(key);
    if (shared === undefined) {
      keys.set(key, key);
      shared = key;
    }
    if (f === 'get') {
      return value === 'nil'
        ? calls.begin(process, {kind: 'get', key: shared})
        : `:get cannot take ${quoteLine(value)}`;
    }
    const text = parseText(value);
    if (text === undefined) return `:${f} cannot take ${quoteLine(value)}`;
    return calls.begin(process, {kind: f, key: shared, value: text});
  }
  const input = calls.openInput(process);
  if (input === undefined) return `:${type} of process ${process} without an :invoke before it`;
  if (input.kind !== f) return `:${type} :${f} of process ${process} ends its :${input.kind}`;
  if (input.key !== key)
    return `:${type} of process ${process} for key ${quoteLine(key)} ends one for ${quoteLine(input.key)}`;
  return takeEnd(calls, process, input, type, value);
}

function takeEnd(
  calls: OpenCalls<KvInput, KvOutput>,
  process: number,
  input: KvInput,
  type: string,
  value: string,
): string | undefined {
  if (type === 'fail' || (type === 'info' && input.kind === 'get')) {
    calls.drop(process);
    return undefined;
  }
  if (type === 'info') {
    calls.abandon(process);
    return undefined;
  }
  const text = parseText(value);
  if (input.kind === 'get') {
    if (text === undefined && value !== 'nil') return `:ok :get cannot give ${quoteLine(value)}`;
    calls.answer(process, {value: text ?? ''});
    return undefined;
  }
  if (text !== input.value) return `:ok :${input.kind} gives ${quoteLine(value)}, which is not what was asked`;
  calls.answer(process, DONE);
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\'};

/** The text of an EDN string; undefined where it is something else. */
function parseText(edn: string): string | undefined {
  if (!edn.startsWith('"')) return undefined;
  const inside = edn.slice(1, -1);
  if (!inside.includes('\\')) return inside;
  return inside.replace(/\\(.)/g, (_whole, char: string) => ESCAPES[char] ?? char);
}
