import {expect, test} from 'vitest';
import {bytesText, loadCodec} from './codec.ts';

const codec = loadCodec();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test.each([
  // Written by hand from the published field numbers: tag byte = number * 8 + wire type.
  ['KV/Put', {key: 'a', value: '\xff', lease: 5, prev_kv: true}, '0a01611201ff18052001'],
  [
    'KV/Range',
    {key: 'a', range_end: 'b', limit: 2, sort_target: 'VALUE', keys_only: true},
    '0a01611201621802300440 01'.replace(' ', ''),
  ],
  [
    'KV/Txn',
    {compare: [{target: 'LEASE', key: 'a', lease: 0, range_end: 'b'}]},
    '0a0b10041a01614000820401 62'.replace(' ', ''),
  ],
  ['Watch/Watch', {cancel_request: {watch_id: -1}}, '120b08ffffffffffffffffff01'],
  ['Lease/LeaseGrant', {TTL: 60, ID: '9223372036854775807'}, '083c10ffffffffffffffff7f'],
  [
    'Maintenance/Alarm',
    {action: 'ACTIVATE', memberID: '18446744073709551615', alarm: 'CORRUPT'},
    '080110ffffffffffffffffff011802',
  ],
  ['Lock/Lock', {name: 'l', lease: 1}, '0a016c1001'],
])('%s goes out as etcd reads it', (name, request, bytes) => {
  expect(hex(codec.encode(codec.rpc(name), request))).toBe(bytes);
});

test('an empty bytes field is left out, except where a oneof makes it a value', () => {
  expect(hex(codec.encode(codec.rpc('KV/Range'), {key: 'a', range_end: ''}))).toBe('0a0161');
  const withValue = codec.encode(codec.rpc('KV/Txn'), {compare: [{target: 'VALUE', key: 'a', value: ''}]});
  expect(hex(withValue)).toBe('0a0710031a01613a00');
});

test('an answer comes back with every field, bytes as text, 64-bit numbers as digits', () => {
  const rpc = codec.rpc('KV/Put');
  const bytes = Buffer.from('0a0408ffffff0f18021207', 'hex');
  expect(() => codec.decode(rpc, bytes)).toThrow();
  const answer = codec.decode(rpc, Buffer.from('0a0808ffffffff0f1802', 'hex'));
  expect(answer).toEqual({
    header: {cluster_id: '4294967295', member_id: '0', revision: '2', raft_term: '0'},
    prev_kv: null,
  });
});

test('a misspelt field or RPC is our mistake and is not sent', () => {
  expect(() => codec.encode(codec.rpc('KV/Put'), {keey: 'a'})).toThrow('no such field');
  expect(() => codec.rpc('KV/Get')).toThrow('no such RPC');
});

test('long byte strings differ in their shown form when one byte differs', () => {
  const long = Buffer.alloc(5_000, 'x');
  const shown = bytesText(long);
  expect(shown).toMatch(/^x{16}… 5000 bytes, sha256 [0-9a-f]{16}$/);
  long[4_000] = 0;
  expect(bytesText(long)).not.toBe(shown);
});
