import {describe, expect, test} from 'vitest';
import type {Plain} from '../rpc/codec.ts';
import {type Book, emptyBook} from './book.ts';
import {describeSnapshot, firstMismatch, normalise, normaliseBody, UNEQUAL} from './unequal.ts';

interface Given {
  readonly answer: Plain;
  readonly book?: Partial<Book>;
  readonly nowMs?: number;
}

function mismatchOf(rpc: string, left: Given, right: Given): string | undefined {
  const [a, b] = [left, right].map(({answer, book = {}, nowMs = 0}) =>
    normalise(rpc, answer, {book: {...emptyBook(), ...book}, nowMs}),
  );
  return firstMismatch(a, b)?.path;
}

const header = (revision: string, raft_term: string): Plain => ({cluster_id: '1', member_id: '2', revision, raft_term});

test.each<[string, string, Plain, Plain, string | undefined]>([
  ['equal answers', 'KV/Put', {header: header('2', '3')}, {header: header('2', '3')}, undefined],
  ['another term is no difference', 'KV/Put', {header: header('2', '3')}, {header: header('2', '9')}, undefined],
  ['a missing term is one', 'KV/Put', {header: header('2', '3')}, {header: header('2', '0')}, 'header.raft_term'],
  ['a revision is', 'KV/Put', {header: header('2', '3')}, {header: header('3', '3')}, 'header.revision'],
  ['a missing header is', 'KV/Put', {header: header('2', '3')}, {header: null}, 'header'],
  ['the order of kvs is', 'KV/Range', {kvs: ['a', 'b']}, {kvs: ['b', 'a']}, 'kvs[0]'],
  ['a longer list is', 'KV/Range', {kvs: ['a']}, {kvs: ['a', 'b']}, 'kvs[1]'],
  [
    'the order of leases is not',
    'Lease/LeaseLeases',
    {leases: [{ID: '1'}, {ID: '2'}]},
    {leases: [{ID: '2'}, {ID: '1'}]},
    undefined,
  ],
  ['a missing lease is', 'Lease/LeaseLeases', {leases: [{ID: '1'}, {ID: '2'}]}, {leases: [{ID: '1'}]}, 'leases[1]'],
  ['db sizes are not', 'Maintenance/Status', {dbSize: '20480'}, {dbSize: '24576'}, undefined],
  ['no db size at all is', 'Maintenance/Status', {dbSize: '20480'}, {dbSize: '0'}, 'dbSize'],
  ['the leader is', 'Maintenance/Status', {leader: '20480'}, {leader: '24576'}, 'leader'],
  ['a hash of the store is', 'Maintenance/HashKV', {hash: 1}, {hash: 2}, 'hash'],
])('%s', (_name, rpc, left, right, path) => {
  expect(mismatchOf(rpc, {answer: left}, {answer: right})).toBe(path);
});

describe('what servers draw', () => {
  const drew = (id: bigint): Partial<Book> => ({
    drawn: new Map([
      [id.toString(), '<lease of slot 0>'],
      [id.toString(16), '<lease of slot 0>'],
    ]),
  });
  const [a, b] = [7_587_895_131_244_099_332n, 7_235_773_859_956_865_279n];
  const answer = (id: bigint): Plain => ({kvs: [{key: `l0/${id.toString(16)}`, lease: id.toString()}]});

  test('is equal under one name', () => {
    expect(
      mismatchOf('KV/Range', {answer: answer(a), book: drew(a)}, {answer: answer(b), book: drew(b)}),
    ).toBeUndefined();
  });
  test('differs where it is the lease of another slot', () => {
    const other: Partial<Book> = {
      drawn: new Map([
        [b.toString(), '<lease of slot 1>'],
        [b.toString(16), '<lease of slot 1>'],
      ]),
    };
    expect(mismatchOf('KV/Range', {answer: answer(a), book: drew(a)}, {answer: answer(b), book: other})).toBe(
      'kvs[0].key',
    );
  });
  test('ids that were given are compared as they are', () => {
    expect(mismatchOf('KV/Range', {answer: {lease: '100'}}, {answer: {lease: '101'}})).toBe('lease');
  });
});

describe('the remaining time of a lease', () => {
  const at = (ttl: string, nowMs: number, renewedMs: number): Given => ({
    answer: {ID: '100', TTL: ttl},
    nowMs,
    book: {renewedMs: new Map([['100', renewedMs]])},
  });
  test('is compared with the age of the lease in each world', () => {
    expect(mismatchOf('Lease/LeaseTimeToLive', at('599', 1_000, 100), at('590', 10_900, 900))).toBeUndefined();
  });
  test('three seconds too much are a difference', () => {
    expect(mismatchOf('Lease/LeaseTimeToLive', at('599', 1_000, 100), at('593', 10_900, 900))).toBe('TTL');
  });
  test('a lease that is gone is', () => {
    expect(mismatchOf('Lease/LeaseTimeToLive', at('599', 1_000, 100), at('-1', 1_000, 100))).toBe('TTL');
  });
});

describe('the revision in the header of an observed leader', () => {
  const observed = (revision: string): Plain => ({
    header: header(revision, '3'),
    kv: {key: 'e0/1', mod_revision: '17'},
  });
  const mismatch = (left: string, right: string, answersBefore: number): string | undefined => {
    const [a, b] = [left, right].map((revision) =>
      normalise('Election/Observe', observed(revision), {book: emptyBook(), nowMs: 0, answersBefore}),
    );
    return firstMismatch(a, b)?.path;
  };
  test('is that of a read in the first answer, and compared as it is', () => {
    expect(mismatch('21', '21', 0)).toBeUndefined();
    expect(mismatch('21', '17', 0)).toBe('header.revision');
  });
  test('may be any from kv.mod_revision on in later answers', () => {
    expect(mismatch('21', '17', 1)).toBeUndefined();
    expect(mismatch('17', '16', 1)).toBe('header.revision');
  });
});

test('every rule has a reason and stands once', () => {
  const names = UNEQUAL.map(({rpc, field}) => `${rpc} ${field.join('.')}`);
  expect(new Set(names).size).toBe(names.length);
  for (const {reason} of UNEQUAL) expect(reason.length).toBeGreaterThan(5);
});

test('a snapshot with a byte changed is another snapshot', async () => {
  const {createHash} = await import('node:crypto');
  const body = Buffer.alloc(8192);
  body.writeUInt32LE(0xed0cdaed, 16);
  const whole = Buffer.concat([body, createHash('sha256').update(body).digest()]);
  expect(describeSnapshot(whole)).toEqual({checksumFits: true, bolt: true, wholePages: true});
  whole[5000] = 1;
  expect(describeSnapshot(whole)).toEqual({checksumFits: false, bolt: true, wholePages: true});
});

test('ids of 64 bits in HTTP bodies keep all their digits', () => {
  const body = '[{"id":95716366171517037,"name":"m0"}]';
  expect(normaliseBody('/members', body, emptyBook())).toEqual([{id: '95716366171517037', name: 'm0'}]);
});

test('the checks of a health page are listed in any order, also where it fails and nobody asked for the list', () => {
  const [a, b, c] = ['[-]data_corruption failed: alarm activated: CORRUPT', '[+]serializable_read ok', '[+]ping ok'];
  const page = (...lines: readonly (string | undefined)[]): Plain =>
    normaliseBody('/readyz', lines.join('\n'), emptyBook());
  expect(page(a, b)).toEqual(page(b, a));
  expect(page(a, b)).not.toEqual(page(a, c));
});
