// The requests on the wire: bytes that real etcd wrote to its log, laws of the codecs, and damage.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {fromBytes, hexOf} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import {decodeKeyValue, encodeKeyValue, sizeKeyValue} from './kv-codec.ts';
import type {InternalRaftRequest, RaftRequestBody} from './raft-request.ts';
import {
  decodeInternalRaftRequest,
  encodeInternalRaftRequest,
  raftRequest,
  requestHeader,
  requestIdOf,
  sizeInternalRaftRequest,
} from './raft-request.ts';
import type {
  Compare,
  CompareResult,
  CompareTarget,
  KeyValue,
  RequestOp,
  SortOrder,
  SortTarget,
  TxnRequest,
} from './types.ts';
import {compare, deleteRangeRequest, NO_LEASE, putRequest, rangeRequest, txnRequest} from './types.ts';

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const lease = (id: string): LeaseId => toId64(id) as LeaseId;

/** The entries of one member's log, etcd 3.5.16; ids count up from 9669a1fc6f443c06. */
const RECORDED: readonly (readonly [string, string, RaftRequestBody])[] = [
  ['put', '22060a016b120176a2060b0886f890fac6bfe8b49601', {kind: 'put', request: putRequest('k', 'v')}],
  [
    'put of bytes, with a negative lease',
    `2299010a056b6579ff0012820180${'80'.repeat(129)}18feffffffffffffffff012001a2060b0887f890fac6bfe8b49601`,
    {
      kind: 'put',
      request: putRequest('key\xff\0', '\x80'.repeat(130), {lease: lease('fffffffffffffffe'), prevKv: true}),
    },
  ],
  [
    'put that keeps value and lease',
    '22070a016b28013001a2060b0888f890fac6bfe8b49601',
    {kind: 'put', request: putRequest('k', '', {ignoreValue: true, ignoreLease: true})},
  ],
  [
    'txn with every kind of op',
    '32770a09080110021a016b30000a0d080310031a01613a00820401000a1010041a016b40feffffffffffffffff010a0510011a016b12280a26' +
      '0a016b12010018ffffffffffffffffff0120ac022802300438014001480150015802600368041a0812060a016e1201311a0e220c120a1a08' +
      '0a01781201791801a2060b0889f890fac6bfe8b49601',
    {
      kind: 'txn',
      request: txnRequest({
        compare: [
          compare('k', 'greater', {kind: 'mod', number: 0}),
          compare('a', 'not-equal', {kind: 'value', value: ''}, '\0'),
          compare('k', 'equal', {kind: 'lease', lease: lease('fffffffffffffffe')}),
          {result: 'equal', target: 'create', key: 'k', operand: undefined, rangeEnd: ''},
        ],
        success: [
          {
            kind: 'range',
            request: {
              key: 'k',
              rangeEnd: '\0',
              limit: -1,
              revision: 300,
              sortOrder: 'descend',
              sortTarget: 'value',
              serializable: true,
              keysOnly: true,
              countOnly: true,
              minModRevision: 1,
              maxModRevision: 2,
              minCreateRevision: 3,
              maxCreateRevision: 4,
            },
          },
        ],
        failure: [
          {kind: 'put', request: putRequest('n', '1')},
          {
            kind: 'txn',
            request: txnRequest({
              success: [{kind: 'delete-range', request: deleteRangeRequest('x', {rangeEnd: 'y', prevKv: true})}],
            }),
          },
        ],
      }),
    },
  ],
  [
    'delete-range',
    '2a060a016b12016ca2060b088af890fac6bfe8b49601',
    {kind: 'delete-range', request: deleteRangeRequest('k', {rangeEnd: 'l'})},
  ],
  [
    'compaction',
    '3a0408031001a2060b088bf890fac6bfe8b49601',
    {kind: 'compaction', request: {revision: 3, physical: true}},
  ],
];

describe('as real etcd writes it', () => {
  test.each(RECORDED)('%s', (_name, hex, body) => {
    const decoded = decodeInternalRaftRequest(bytesOf(hex));
    expect(decoded.body).toEqual(body);
    expect(decoded.unknown).toHaveLength(0);
    expect(requestIdOf(decoded)).toMatch(/^96d1231c6b1e7c0[0-9a-f]$|^9669.*$/);
    expect(hexOf(encodeInternalRaftRequest(decoded))).toBe(hex);
  });

  test('a lease grant, as a table codes it', () => {
    const bytes = '420e08e80710feffffffffffffffff01a2060b0885f890fac6bfe8b49601';
    const decoded = decodeInternalRaftRequest(bytesOf(bytes));
    expect(decoded.body).toEqual({kind: 'lease-grant', request: {ttl: 1000, id: 'fffffffffffffffe'}});
    expect(hexOf(encodeInternalRaftRequest(decoded))).toBe(bytes);
    expect(sizeInternalRaftRequest(decoded)).toBe(bytes.length / 2);
  });

  test('a request of a kind not known here keeps its bytes', () => {
    const field2000 = '827d0308e807';
    const decoded = decodeInternalRaftRequest(bytesOf(`${field2000}a2060b0885f890fac6bfe8b49601`));
    expect(decoded.body).toEqual({kind: 'none'});
    expect(hexOf(decoded.unknown)).toBe(field2000);
    expect(hexOf(encodeInternalRaftRequest(decoded))).toBe(`a2060b0885f890fac6bfe8b49601${field2000}`);
  });

  test('a request of the v2 store is refused, so that the reader can tell it from a v3 one', () => {
    const v2 =
      '0884f890fac6bfe8b4960112035055541a0a2f302f76657273696f6e2205332e352e302800320038004800500058006000680070007800800100';
    expect(() => decodeInternalRaftRequest(bytesOf(v2))).toThrow(WireError);
  });

  test('enum values and fields of a later release', () => {
    const request = rangeRequest('k', {sortOrder: 7, sortTarget: 300});
    const bytes = encodeInternalRaftRequest(raftRequest(requestHeader(toId64(1)), {kind: 'range', request}));
    expect(decodeInternalRaftRequest(bytes).body).toEqual({kind: 'range', request});
    // Field 99 of a put, which nobody knows, is passed over.
    expect(decodeInternalRaftRequest(bytesOf('22060a016b980605')).body).toEqual({
      kind: 'put',
      request: putRequest('k', ''),
    });
  });
});

const text = fc.uint8Array({maxLength: 200}).map(fromBytes);
const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 127, 128, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER + 1),
  fc.maxSafeInteger(),
);
const count = number.map((value) => Math.abs(value));
const leases = fc.oneof(fc.constant(NO_LEASE), fc.stringMatching(/^[0-9a-f]{16}$/).map(lease));
const ranges = fc
  .tuple(
    fc.record({key: text, rangeEnd: text, limit: number, revision: number}),
    fc.record({
      sortOrder: fc.constantFrom<SortOrder[]>('none', 'ascend', 'descend', 9),
      sortTarget: fc.constantFrom<SortTarget[]>('key', 'version', 'create', 'mod', 'value', 77),
      serializable: fc.boolean(),
      keysOnly: fc.boolean(),
      countOnly: fc.boolean(),
    }),
    fc.record({minModRevision: number, maxModRevision: number, minCreateRevision: number, maxCreateRevision: number}),
  )
  .map(([place, options, bounds]) => ({...place, ...options, ...bounds}));
const puts = fc.record({
  key: text,
  value: text,
  lease: leases,
  prevKv: fc.boolean(),
  ignoreValue: fc.boolean(),
  ignoreLease: fc.boolean(),
});
const deletes = fc.record({key: text, rangeEnd: text, prevKv: fc.boolean()});
const operands = fc.oneof(
  fc.record({kind: fc.constantFrom('version', 'create', 'mod'), number}),
  fc.record({kind: fc.constant('value'), value: text}),
  fc.record({kind: fc.constant('lease'), lease: leases}),
);
const compares: fc.Arbitrary<Compare> = fc.record({
  result: fc.constantFrom<CompareResult[]>('equal', 'greater', 'less', 'not-equal', 12),
  target: fc.constantFrom<CompareTarget[]>('version', 'create', 'mod', 'value', 'lease', 130),
  key: text,
  operand: fc.option(operands, {nil: undefined}),
  rangeEnd: text,
});
const {txn: txns} = fc.letrec<{op: RequestOp; txn: TxnRequest}>((tie) => ({
  op: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.constant<RequestOp>({kind: 'none'}),
    fc.record({kind: fc.constant('range'), request: ranges}),
    fc.record({kind: fc.constant('put'), request: puts}),
    fc.record({kind: fc.constant('delete-range'), request: deletes}),
    fc.record({kind: fc.constant('txn'), request: tie('txn')}),
  ),
  txn: fc.record({
    compare: fc.array(compares, {maxLength: 3}),
    success: fc.array(tie('op'), {maxLength: 3}),
    failure: fc.array(tie('op'), {maxLength: 3}),
  }),
}));
const bodies: fc.Arbitrary<RaftRequestBody> = fc.oneof(
  fc.constant<RaftRequestBody>({kind: 'none'}),
  fc.record({kind: fc.constant('range'), request: ranges}),
  fc.record({kind: fc.constant('put'), request: puts}),
  fc.record({kind: fc.constant('delete-range'), request: deletes}),
  fc.record({kind: fc.constant('txn'), request: txns}),
  fc.record({kind: fc.constant('compaction'), request: fc.record({revision: number, physical: fc.boolean()})}),
);
const ids = fc.stringMatching(/^[0-9a-f]{16}$/).map(toId64);
const requests: fc.Arbitrary<InternalRaftRequest> = fc.record({
  header: fc.option(fc.record({id: ids, username: text, authRevision: count}), {nil: undefined}),
  id: fc.oneof(fc.constant(toId64(0)), ids),
  body: bodies,
  // Field 2000, some bytes long: nothing that any release knows.
  unknown: fc.oneof(
    fc.constant(new Uint8Array(0)),
    fc.uint8Array({maxLength: 20}).map((bytes) => Uint8Array.from([0x82, 0x7d, bytes.length, ...bytes])),
  ),
});

describe('laws', () => {
  test('a request comes back as it was, and takes the bytes it says', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const bytes = encodeInternalRaftRequest(request);
        expect(bytes.length).toBe(sizeInternalRaftRequest(request));
        expect(decodeInternalRaftRequest(bytes)).toEqual(request);
      }),
      {numRuns: 500},
    );
  });

  test('a pair comes back as it was; zero fields take no bytes', () => {
    const kvs = fc.record({
      key: text,
      createRevision: count,
      modRevision: count,
      version: count,
      value: text,
      lease: leases,
    });
    fc.assert(
      fc.property(kvs, (kv: KeyValue) => {
        const bytes = encodeKeyValue(kv);
        expect(bytes.length).toBe(sizeKeyValue(kv));
        expect(decodeKeyValue(bytes)).toEqual(kv);
      }),
    );
    const tombstone = {key: 'k', createRevision: 0, modRevision: 0, version: 0, value: '', lease: NO_LEASE};
    expect(hexOf(encodeKeyValue(tombstone))).toBe('0a016b');
  });

  test('every cut of a request, and any change of a byte, is a request or a WireError', () => {
    let refused = 0;
    const look = (bytes: Uint8Array): void => {
      try {
        encodeInternalRaftRequest(decodeInternalRaftRequest(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        refused++;
      }
    };
    for (const [, hex] of RECORDED) {
      const whole = bytesOf(hex);
      for (let at = 0; at < whole.length; at++) {
        look(whole.subarray(0, at));
        for (const flip of [1, 0x80, 0xff]) {
          const broken = whole.slice();
          broken[at] = (broken[at] as number) ^ flip;
          look(broken);
        }
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});
