// base/ids.ts: one brand and one representation per quantity.
// A term is not an index is not a revision. 64-bit ids are 16 lower-case hex digits: they survive JSON and sort as text
// in numeric order. Terms, indexes and revisions are exact integers below 2^53.
import {assert} from './assert.ts';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & {readonly [brand]: Readonly<Record<Name, true>>};

/** A 64-bit id as 16 lower-case hex digits. */
export type Id64 = Brand<string, 'Id64'>;
/** A raft member's id (etcd: types.ID, raft: node id). */
export type MemberId = Brand<Id64, 'MemberId'>;
/** The id of a whole cluster. */
export type ClusterId = Brand<Id64, 'ClusterId'>;
/** A lease's id; etcd prints it in hex. */
export type LeaseId = Brand<Id64, 'LeaseId'>;

const ID_PATTERN = /^[0-9a-f]{16}$/;

/** A small whole number, or 1 to 16 hex digits, as an id. */
export function toId64(value: number | string): Id64 {
  if (typeof value === 'number') {
    assert(Number.isSafeInteger(value) && value >= 0, 'an id is a whole number of at most 53 bits', {value});
    return value.toString(16).padStart(16, '0') as Id64;
  }
  const padded = value.toLowerCase().padStart(16, '0');
  assert(ID_PATTERN.test(padded), 'an id is at most 16 hex digits', {value});
  return padded as Id64;
}

/** toId64 for members. */
export const toMemberId = (value: number | string): MemberId => toId64(value) as MemberId;

/** No member: raft.None, zero. */
export const NO_MEMBER: MemberId = toMemberId(0);

/** As Go's %x prints it: no leading zeros. */
export function formatId(id: Id64): string {
  let start = 0;
  while (start < 15 && id.charCodeAt(start) === 48) start++;
  return id.slice(start);
}

/** High and low 32 bits, for codecs. */
export function idToWords(id: Id64): {readonly high: number; readonly low: number} {
  return {high: Number.parseInt(id.slice(0, 8), 16), low: Number.parseInt(id.slice(8), 16)};
}

/** The id with these high and low 32 bits (unsigned). */
export function idFromWords(high: number, low: number): Id64 {
  return ((high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')) as Id64;
}
