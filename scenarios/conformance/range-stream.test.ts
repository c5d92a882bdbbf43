// KV.RangeStream of 3.7 (v3_server.go rangeStream): the chunks together are what Range answers, of one revision.
import {expect, test} from 'vitest';
import {Talk} from './talk.ts';

interface Chunk {
  readonly rangeResponse: {
    readonly header: {readonly revision: number; readonly memberId: string} | undefined;
    readonly kvs: readonly {readonly key: string}[];
    readonly more: boolean;
    readonly count: number;
  };
}

function chunksOf(talk: Talk, request: object): Chunk[] {
  const stream = talk.stream('KV/RangeStream');
  stream.send(request);
  const heard = stream.heard();
  expect(heard.at(-1)).toBe('0 ');
  return heard.slice(0, -1) as unknown as Chunk[];
}

const talk = new Talk({release: '3.7.0', options: {maxRequestBytes: 4_000}});
for (let i = 0; i < 100; i++) {
  talk.ok('KV/Put', {key: `k${String(i).padStart(3, '0')}`, value: 'x'.repeat(50)});
}

test('chunks double while they are small, and the last one carries header, more and count', () => {
  const chunks = chunksOf(talk, {key: 'k', rangeEnd: 'l'});
  expect(chunks.map(({rangeResponse}) => rangeResponse.kvs.length)).toEqual([10, 20, 40, 30]);
  expect(chunks.slice(0, -1).every(({rangeResponse}) => rangeResponse.header === undefined)).toBe(true);
  expect(chunks.at(-1)?.rangeResponse).toMatchObject({header: {revision: 101}, more: false, count: 100});
  const whole = talk.ok('KV/Range', {key: 'k', rangeEnd: 'l'}) as {kvs: unknown[]};
  expect(chunks.flatMap(({rangeResponse}) => rangeResponse.kvs)).toEqual(whole.kvs);
});

test('a limit cuts the last chunk; the count is that of the whole range', () => {
  const chunks = chunksOf(talk, {key: 'k', rangeEnd: 'l', limit: 15});
  expect(chunks.map(({rangeResponse}) => rangeResponse.kvs.length)).toEqual([10, 5]);
  expect(chunks.at(-1)?.rangeResponse).toMatchObject({more: true, count: 100});
});

test('counts only, one key, and what is refused', () => {
  expect(chunksOf(talk, {key: 'k', rangeEnd: 'l', countOnly: true})).toMatchObject([
    {rangeResponse: {kvs: [], count: 100}},
  ]);
  expect(chunksOf(talk, {key: 'k007'})).toMatchObject([{rangeResponse: {kvs: [{key: 'k007'}], more: false, count: 1}}]);
  const refused = (release: string, request: object) => {
    const stream = (release === '3.7.0' ? talk : new Talk({release})).stream('KV/RangeStream');
    stream.send(request);
    return stream.heard();
  };
  expect(refused('3.7.0', {key: 'k', sortOrder: 'descend'})).toEqual([
    '12 RangeStream does not support custom sort orders',
  ]);
  expect(refused('3.7.0', {key: 'k', minModRevision: 3})).toEqual(['12 RangeStream does not support revision filters']);
  expect(refused('3.7.0', {})).toEqual(['3 etcdserver: key is not provided']);
  expect(refused('3.6.0', {key: 'k'})).toEqual(['12 unknown method RangeStream for service etcdserverpb.KV']);
});
