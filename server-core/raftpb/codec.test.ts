// The bytes below were written by raftpb v3.6.0's own Marshal from the same values; decoding and the sizes are held against them.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {hexOf} from '../../base/byte-string.ts';
import {toId64, toMemberId} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import {
  decodeEntry,
  decodeHardState,
  decodeMessage,
  decodeSnapshot,
  encodeEntry,
  encodeHardState,
  encodeMessage,
  encodeSnapshot,
  entrySize,
  messageSize,
  snapshotSize,
} from './codec.ts';
import {
  confStateSize,
  decodeConfChange,
  decodeConfChangeV2,
  decodeConfState,
  encodeConfChange,
  encodeConfChangeV2,
  encodeConfState,
} from './conf-change-codec.ts';
import type {Entry, Message, Snapshot} from './types.ts';
import {
  EMPTY_CONF_STATE,
  EMPTY_SNAPSHOT,
  ENTRY_TYPES,
  LOCAL_APPEND_THREAD,
  MESSAGE_TYPES,
  makeConfState,
  makeEntry,
  makeMessage,
} from './types.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const id = (value: number | string) => toMemberId(value);

const confState = makeConfState({
  voters: [id(1), id(2), id('8e9e05c52164694d')],
  learners: [id(4)],
  votersOutgoing: [id(1), id(5)],
  learnersNext: [id(5)],
  autoLeave: true,
});
const snapshot: Snapshot = {data: bytes('state'), metadata: {confState, index: 1000, term: 7}};
const full = makeMessage({
  type: 'MsgApp',
  to: id(2),
  from: id('8e9e05c52164694d'),
  term: 9,
  logTerm: 8,
  index: 2 ** 20,
  commit: 99,
  vote: id(4),
  reject: true,
  rejectHint: 128,
  context: bytes('CampaignTransfer'),
  snapshot,
  entries: [
    makeEntry({term: 9, index: 2 ** 20 + 1, data: bytes('x')}),
    makeEntry({type: 'EntryConfChangeV2', term: 9, index: 2 ** 20 + 2}),
  ],
});
const FULL_HEX =
  '0803100218cdd2918bd2b881cf8e0120092808308080403a0b08001009188180402201783a08080210091882804040634a29' +
  '0a05737461746512200a190801080208cdd2918bd2b881cf8e011004180118052005280110e8071807500158800162104361' +
  '6d706169676e5472616e736665726804';

describe('entries', () => {
  test.each<[string, Partial<Entry>, string]>([
    ['nothing set', {}, '080010001800'],
    ['with data', {type: 'EntryConfChange', term: 5, index: 300, data: bytes('hi')}, '0801100518ac0222026869'],
    [
      'large numbers, empty data',
      {term: 2 ** 40, index: 2 ** 53 - 1, data: new Uint8Array(0)},
      '08001080808080802018ffffffffffffff0f2200',
    ],
  ])('%s', (_name, fields, hex) => {
    const entry = makeEntry(fields);
    expect(hexOf(encodeEntry(entry))).toBe(hex);
    expect(entrySize(entry)).toBe(hex.length / 2);
    expect(decodeEntry(fromHex(hex))).toEqual(entry);
  });
});

describe('states and snapshots', () => {
  test('hard state', () => {
    const state = {term: 3, vote: id('fedcba9876543210'), commit: 2 ** 33};
    const hex = '08031090e4d0b287d3aeeefe01188080808020';
    expect(hexOf(encodeHardState(state))).toBe(hex);
    expect(decodeHardState(fromHex(hex))).toEqual(state);
  });

  test.each([
    ['joint', confState, '0801080208cdd2918bd2b881cf8e0110041801180520052801'],
    ['empty', EMPTY_CONF_STATE, '2800'],
  ])('configuration state: %s', (_name, state, hex) => {
    expect(hexOf(encodeConfState(state))).toBe(hex);
    expect(confStateSize(state)).toBe(hex.length / 2);
    expect(decodeConfState(fromHex(hex))).toEqual(state);
  });

  test('a configuration state with packed lists, as a proto3 writer would make it', () => {
    expect(decodeConfState(fromHex('0a03010203')).voters).toEqual([id(1), id(2), id(3)]);
  });

  test.each([
    ['full', snapshot, '0a05737461746512200a190801080208cdd2918bd2b881cf8e011004180118052005280110e8071807'],
    ['empty', EMPTY_SNAPSHOT, '12080a02280010001800'],
  ])('snapshot: %s', (_name, value, hex) => {
    expect(hexOf(encodeSnapshot(value))).toBe(hex);
    expect(snapshotSize(value)).toBe(hex.length / 2);
    expect(decodeSnapshot(fromHex(hex))).toEqual(value);
  });
});

describe('membership changes', () => {
  test.each([
    [
      {
        id: toId64(77),
        type: 'ConfChangeAddLearnerNode',
        nodeId: LOCAL_APPEND_THREAD,
        context: bytes('ctx'),
      } as const,
      '084d100318ffffffffffffffffff012203637478',
    ],
    [{id: toId64(0), type: 'ConfChangeAddNode', nodeId: id(0), context: undefined} as const, '080010001800'],
  ])('first form %#', (change, hex) => {
    expect(hexOf(encodeConfChange(change))).toBe(hex);
    expect(decodeConfChange(fromHex(hex))).toEqual(change);
  });

  test.each([
    [
      {
        transition: 'ConfChangeTransitionJointExplicit',
        changes: [
          {type: 'ConfChangeRemoveNode', nodeId: id(3)},
          {type: 'ConfChangeAddNode', nodeId: id(300)},
        ],
        context: Uint8Array.of(0),
      } as const,
      '08021204080110031205080010ac021a0100',
    ],
    [{transition: 'ConfChangeTransitionAuto', changes: [], context: undefined} as const, '0800'],
  ])('second form %#', (change, hex) => {
    expect(hexOf(encodeConfChangeV2(change))).toBe(hex);
    expect(decodeConfChangeV2(fromHex(hex))).toEqual(change);
  });
});

describe('messages', () => {
  test.each<[string, Message, string]>([
    ['empty', makeMessage({type: 'MsgHup'}), '0800100018002000280030004000500058006800'],
    ['full', full, FULL_HEX],
    [
      'with responses',
      makeMessage({
        type: 'MsgStorageAppend',
        to: LOCAL_APPEND_THREAD,
        from: id(1),
        responses: [makeMessage({type: 'MsgForgetLeader', to: id(1)}), full],
      }),
      `081310ffffffffffffffffff01180120002800300040005000580068007214081710011800200028003000400050005800680072${'74'}${FULL_HEX}`,
    ],
  ])('%s', (_name, message, hex) => {
    expect(hexOf(encodeMessage(message))).toBe(hex);
    expect(messageSize(message)).toBe(hex.length / 2);
    expect(decodeMessage(fromHex(hex))).toEqual(message);
  });

  test('unknown fields are passed over', () => {
    expect(decodeMessage(fromHex(`${FULL_HEX}f80101fa0103010203`))).toEqual(full);
  });

  test.each([
    ['a cut message', FULL_HEX.slice(0, -6)],
    ['a known field in a foreign wire type', '0a0100'],
    ['a message type nobody knows', '0818'],
  ])('%s is damage', (_name, hex) => {
    expect(() => decodeMessage(fromHex(hex))).toThrow(WireError);
  });

  test('any message survives encoding, and its size is told before', () => {
    const number = fc.maxSafeNat();
    const member = fc.bigInt({min: 0n, max: 2n ** 64n - 1n}).map((value) => id(value.toString(16)));
    const maybeBytes = fc.option(fc.uint8Array({maxLength: 200}), {nil: undefined});
    const entry = fc.record({type: fc.constantFrom(...ENTRY_TYPES), term: number, index: number, data: maybeBytes});
    const message = fc.record({
      type: fc.constantFrom(...MESSAGE_TYPES),
      to: member,
      from: member,
      term: number,
      logTerm: number,
      index: number,
      entries: fc.array(entry, {maxLength: 4}),
      commit: number,
      vote: member,
      reject: fc.boolean(),
      rejectHint: number,
      context: maybeBytes,
    });
    fc.assert(
      fc.property(message, fc.array(message, {maxLength: 2}), (outer, inner) => {
        const value = makeMessage({...outer, responses: inner.map((fields) => makeMessage(fields))});
        const encoded = encodeMessage(value);
        expect(encoded.length).toBe(messageSize(value));
        expect(decodeMessage(encoded)).toEqual(value);
      }),
      {seed: 1, numRuns: 200},
    );
  });
});
