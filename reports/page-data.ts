// reports/page-data.ts: a view as the JSON inside a page, and back. The head is JSON as it is; operations are columns of small
// numbers and one long text, packed. 100,000 operations take about 3 MB.
// Promise: decodePageData(encodePageData(view)) draws the same page; equal views give equal text.
import {assert} from '../base/assert.ts';
import type {RunRecord} from '../history/run-record.ts';
import {FULL_TEXT, type TextLimits} from './describe.ts';
import {ByteWriter, pack, unpack} from './pack.ts';
import {runView} from './view-model.ts';
import type {OperationColumns, RunHead, RunView} from './view-types.ts';

/** What a page carries. */
export interface PageData {
  readonly head: RunHead;
  readonly count: number;
  /** Columns: size in bytes, packed. */
  readonly columns: readonly [number, string];
  /** Texts, one line an operation: size in bytes, packed. */
  readonly texts: readonly [number, string];
}

/** Packed operations at most: 5 MB less the page's code and a head with many findings. */
export const PACKED_SIZE_MAX = 4_300_000;

/** How texts are cut, the most generous first: the first that keeps the page small is taken. */
const LIMITS: readonly TextLimits[] = [
  FULL_TEXT,
  {valueSizeMax: 64, itemCountMax: 16},
  {valueSizeMax: 32, itemCountMax: 6},
  {valueSizeMax: 16, itemCountMax: 2},
];
const LAST_LIMITS: TextLimits = {valueSizeMax: 8, itemCountMax: 1};
/** Raw text that is not even tried. */
const TEXT_SIZE_MAX = 24_000_000;

/** Columns that are stored as they are; the others as differences from the operation before. */
const PLAIN = ['row', 'client', 'kind', 'outcome', 'serializable', 'keySet', 'member'] as const;
const RISING = ['id', 'callUs', 'revision'] as const;

/** The data of a record's page, its texts cut no more than the size of the page demands. */
export function pageDataOf(record: RunRecord): PageData {
  for (const limits of LIMITS) {
    const view = runView(record, limits);
    if (view.texts.reduce((sum, text) => sum + text.length, 0) > TEXT_SIZE_MAX) continue;
    const data = encodePageData(view);
    if (data.columns[1].length + data.texts[1].length <= PACKED_SIZE_MAX) return data;
  }
  return encodePageData(runView(record, LAST_LIMITS));
}

/** A view as page data. */
export function encodePageData({head, operations, texts}: RunView): PageData {
  const columns = encodeColumns(operations);
  const text = new TextEncoder().encode(texts.join('\n'));
  return {head, count: operations.count, columns: [columns.length, pack(columns)], texts: [text.length, pack(text)]};
}

function encodeColumns(operations: OperationColumns): Uint8Array {
  const out = new ByteWriter();
  for (const name of PLAIN) for (let i = 0; i < operations.count; i++) out.varint(operations[name][i] as number);
  for (const name of RISING) {
    let before = 0;
    for (let i = 0; i < operations.count; i++) {
      const value = operations[name][i] as number;
      out.varint(zigzag(value - before));
      before = value;
    }
  }
  for (let i = 0; i < operations.count; i++) {
    const returnUs = operations.returnUs[i] as number;
    out.varint(returnUs < 0 ? 0 : 1 + returnUs - (operations.callUs[i] as number));
  }
  return out.take();
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

/** The operations of a page, and their texts on demand. */
export interface DecodedOperations {
  readonly columns: OperationColumns;
  /** Request and outcome of one operation. */
  readonly textOf: (operation: number) => {readonly request: string; readonly outcome: string};
}

/** Page data as columns again. */
export function decodePageData({count, columns, texts}: PageData): DecodedOperations {
  const text = unpack(texts[1], texts[0]);
  const starts = lineStarts(text, count);
  const decoder = new TextDecoder();
  return {
    columns: decodeColumns(unpack(columns[1], columns[0]), count),
    textOf: (operation) => {
      const line = decoder.decode(text.subarray(starts[operation] as number, (starts[operation + 1] as number) - 1));
      const [request = '', outcome = ''] = line.split('\t');
      return {request, outcome};
    },
  };
}

function lineStarts(text: Uint8Array, count: number): Int32Array {
  const starts = new Int32Array(count + 1);
  let line = 1;
  for (let at = 0; at < text.length; at++) if (text[at] === 10) starts[line++] = at + 1;
  starts[count] = text.length + 1;
  assert(count === 0 || line === count, 'as many texts as operations', {line, count});
  return starts;
}

function decodeColumns(bytes: Uint8Array, count: number): OperationColumns {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  };
  const plain = () => {
    const column = new Int32Array(count);
    for (let i = 0; i < count; i++) column[i] = varint();
    return column;
  };
  const rising = () => {
    const column = new Float64Array(count);
    let value = 0;
    for (let i = 0; i < count; i++) {
      value += unzigzag(varint());
      column[i] = value;
    }
    return column;
  };
  const [row, client, kind, outcome, serializable, keySet, member] = [
    plain(),
    plain(),
    plain(),
    plain(),
    plain(),
    plain(),
    plain(),
  ] as const;
  const [id, callUs, revision] = [rising(), rising(), rising()] as const;
  const returnUs = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const took = varint();
    returnUs[i] = took === 0 ? -1 : (callUs[i] as number) + took - 1;
  }
  return {count, id, callUs, returnUs, row, client, kind, outcome, serializable, keySet, member, revision};
}
