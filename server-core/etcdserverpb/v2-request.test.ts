// Requests of the v2 API: bytes that a real 3.5.16 wrote into its WAL, every field there and back, and which form an entry has.
import {describe, expect, test} from 'vitest';
import {hexOf} from '../../base/byte-string.ts';
import {toId64} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import {encodeInternalRaftRequest, raftRequest, requestHeader} from './raft-request.ts';
import {putRequest} from './types.ts';
import {decodeEntryRequest, decodeV2Request, encodeV2Request, v2Request} from './v2-request.ts';

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** The entry with which a 3.5.16 that was alone set the cluster's version. */
const VERSION_ENTRY =
  '088492c3eccfbfe8856712035055541a0a2f302f76657273696f6e2205332e352e302800320038004800500058006000680070007800800100';

test('the cluster version as a real member proposed it', () => {
  const request = decodeV2Request(bytesOf(VERSION_ENTRY));
  expect(request).toEqual(v2Request({id: toId64('670ba1fcfd90c904'), method: 'PUT', path: '/0/version', val: '3.5.0'}));
  expect(hexOf(encodeV2Request(request))).toBe(VERSION_ENTRY);
});

test('every field there and back; unset booleans stay unset', () => {
  const full = v2Request({
    id: toId64('ffffffffffffffff'),
    method: 'POST',
    path: '/1/a\xff',
    val: 'x'.repeat(300),
    dir: true,
    prevValue: 'p',
    prevIndex: 2 ** 40,
    prevExist: false,
    expirationNs: toId64('17fffffffffffff1'),
    wait: true,
    since: 7,
    recursive: true,
    sorted: true,
    quorum: true,
    timeNs: toId64('8000000000000000'),
    stream: true,
    refresh: true,
  });
  expect(decodeV2Request(encodeV2Request(full))).toEqual(full);
  expect(decodeV2Request(encodeV2Request(v2Request({})))).toEqual(v2Request({}));
});

test('broken requests are refused; fields of others are passed over', () => {
  const bytes = encodeV2Request(v2Request({path: '/0/version'}));
  expect(() => decodeV2Request(bytes.subarray(0, bytes.length - 1))).toThrow(WireError);
  expect(() => decodeV2Request(bytesOf('1001'))).toThrow(WireError);
  expect(() => decodeV2Request(bytesOf('0a01'))).toThrow(WireError);
  expect(decodeV2Request(bytesOf('98010508051a022f78'))).toEqual(v2Request({id: toId64(5), path: '/x'}));
});

describe('which form an entry has', () => {
  test.each(['PUT', 'POST', 'DELETE', 'QGET', 'SYNC'])('a bare %s request', (method) => {
    const request = v2Request({id: toId64(9), method, path: method === 'SYNC' ? '' : '/1/k', val: 'v'});
    expect(decodeEntryRequest(encodeV2Request(request), {takesV2: true})).toEqual({kind: 'v2', request});
    expect(() => decodeEntryRequest(encodeV2Request(request), {takesV2: false})).toThrow(WireError);
  });

  test.each([true, false])('a raft request, where v2 requests are taken: %s', (takesV2) => {
    const request = raftRequest(requestHeader(toId64(3)), {kind: 'put', request: putRequest('k', 'v')});
    expect(decodeEntryRequest(encodeInternalRaftRequest(request), {takesV2})).toEqual({kind: 'v3', request});
  });

  test('what is neither is an error', () => {
    expect(() => decodeEntryRequest(bytesOf('2f'), {takesV2: true})).toThrow(WireError);
  });
});
