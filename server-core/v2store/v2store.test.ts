// The v2 store: each call, its refusals and its index; the JSON that real servers wrote, there and back; Go's texts and times.
import {describe, expect, test} from 'vitest';
import {fromUtf8Text} from '../../base/byte-string.ts';
import {goJsonString, goTime, parseGoTime} from './go-json.ts';
import {isV2Error} from './node.ts';
import {recoverV2Store, saveV2Store} from './save.ts';
import {cleanPath, V2Store} from './store.ts';

const NOW = 1_700_000_000_000_000_000n;
const fresh = () => new V2Store(['/0', '/1'], () => NOW);
const textOf = (store: V2Store) => new TextDecoder().decode(saveV2Store(store));
const file = (value: string) => ({dir: false, value, unique: false});

function value(store: V2Store, path: string): string | number | undefined {
  const found = store.get(path, false);
  return isV2Error(found) ? found.code : found.node.value;
}

describe('calls', () => {
  test('files and the directories above them are made, replaced, updated and removed', () => {
    const store = fresh();
    expect(store.create('/1/a/b', file('x'))).toMatchObject({action: 'create', node: {key: '/1/a/b', createdIndex: 1}});
    expect(store.create('/1/a/b', file('y'))).toMatchObject({code: 105, cause: '/1/a/b', index: 1});
    expect(store.set('/1/a/b', false, 'y')).toMatchObject({node: {createdIndex: 2}, prevNode: {value: 'x'}});
    expect(store.update('/1/a/b', 'z')).toMatchObject({node: {createdIndex: 2, modifiedIndex: 3, value: 'z'}});
    expect(store.set('/1/a', false, 'y')).toMatchObject({code: 102});
    expect(store.create('/1/a/b/c', file(''))).toMatchObject({code: 104, cause: '/1/a/b'});
    expect(store.delete('/1/a', false, false)).toMatchObject({code: 102});
    expect(store.delete('/1/a', true, false)).toMatchObject({code: 108});
    expect(store.delete('/1/a', true, true)).toMatchObject({action: 'delete', node: {dir: true, modifiedIndex: 4}});
    expect([value(store, '/1/a/b'), store.currentIndex]).toEqual([100, 4]);
    for (const path of ['/', '/0', '/1', '/1/', '/x/../1'])
      expect(store.delete(path, true, true)).toMatchObject({code: 107});
    expect(store.update('/1/q', '')).toMatchObject({code: 100, cause: '/1/q'});
  });

  test('unique names carry the index', () => {
    const store = fresh();
    expect(store.create('/1/q', {dir: false, value: 'v', unique: true})).toMatchObject({
      node: {key: '/1/q/00000000000000000001'},
    });
  });

  test('compare and swap, compare and delete', () => {
    const store = fresh();
    store.create('/1/a', file('x'));
    expect(store.compareAndSwap('/1/a', {prevValue: 'q', prevIndex: 0}, 'y')).toMatchObject({
      code: 101,
      cause: '[q != x]',
    });
    expect(store.compareAndSwap('/1/a', {prevValue: '', prevIndex: 9}, 'y')).toMatchObject({cause: '[9 != 1]'});
    expect(store.compareAndSwap('/1/a', {prevValue: 'q', prevIndex: 9}, 'y')).toMatchObject({
      cause: '[q != x] [9 != 1]',
    });
    expect(store.compareAndSwap('/1/a', {prevValue: 'x', prevIndex: 1}, 'y')).toMatchObject({prevNode: {value: 'x'}});
    expect(store.compareAndDelete('/1/a', {prevValue: 'x', prevIndex: 0})).toMatchObject({code: 101});
    expect(store.compareAndDelete('/1/a', {prevValue: 'y', prevIndex: 2})).toMatchObject({action: 'compareAndDelete'});
    expect(value(store, '/1/a')).toBe(100);
  });

  test('keys expire in the order of their times, and a renewal keeps the value', () => {
    const store = fresh();
    const inSeconds = (seconds: bigint, refresh = false) => ({expireNs: NOW + seconds * 1_000_000_000n, refresh});
    store.create('/1/b', file('b'), inSeconds(20n));
    store.create('/1/a', file('a'), inSeconds(10n));
    expect(store.get('/1/a', false)).toMatchObject({node: {ttl: 10}});
    expect(store.set('/1/b', false, '', inSeconds(5n, true))).toMatchObject({
      refresh: true,
      node: {value: 'b', ttl: 5},
    });
    store.deleteExpired(NOW + 7_000_000_000n);
    expect([value(store, '/1/b'), value(store, '/1/a'), store.stats.expireCount]).toEqual([100, 'a', 1]);
    expect(store.hasTtlKeys).toBe(true);
    store.update('/1/a', 'a');
    expect(store.hasTtlKeys).toBe(false);
    expect(store.create('/1/old', file(''), {expireNs: 1n, refresh: false})).toMatchObject({node: {ttl: 0}});
  });

  test('an update without a value renews a directory up to 3.4, and is refused but counted as done since', () => {
    const ttl = {expireNs: NOW + 5_000_000_000n, refresh: false};
    const old = new V2Store(['/0', '/1'], () => NOW, {updatesDirectories: true});
    old.create('/1/d', {dir: true, value: '', unique: false});
    expect(old.update('/1/d', '', ttl)).toMatchObject({node: {dir: true, ttl: 5, modifiedIndex: 2}});
    expect(old.get('/1/d', false)).toMatchObject({node: {ttl: 5, modifiedIndex: 1}});
    expect(old.update('/1/d', 'x', ttl)).toMatchObject({code: 102, cause: '/1/d'});
    const store = fresh();
    store.create('/1/d', {dir: true, value: '', unique: false});
    expect(store.update('/1/d', '', ttl)).toMatchObject({code: 102, index: 1});
    expect([old.stats.updateSuccess, old.stats.updateFail]).toEqual([2, 0]);
    expect([store.stats.updateSuccess, store.stats.updateFail]).toEqual([1, 0]);
  });

  test('directories list by name, without what is hidden', () => {
    const store = fresh();
    for (const name of ['b', '_h', 'a']) store.create(`/1/${name}`, file(name));
    const found = store.get('/1', true);
    expect(isV2Error(found) ? [] : found.node.nodes?.map(({key}) => key)).toEqual(['/1/a', '/1/b']);
  });

  test('paths are cleaned as Go cleans them', () => {
    expect(['', '/', 'a//b/', '/a/./b/../c', '/../x'].map(cleanPath)).toEqual(['/', '/', '/a/b', '/a/c', '/x']);
  });
});

describe('saved form', () => {
  test('a store with files, times and a ring that has turned over comes back equal', () => {
    const store = fresh();
    for (let i = 0; i < 1003; i++) store.set('/1/turning', false, String(i));
    store.create('/1/t', file(fromUtf8Text('"<&>\u2028é')), {expireNs: NOW + 1_500_000_000n, refresh: false});
    store.delete('/1/turning', false, false);
    store.create('/2/_hidden/x', {dir: true, value: '', unique: false});
    const text = textOf(store);
    const again = fresh();
    recoverV2Store(again, saveV2Store(store));
    expect(textOf(again)).toBe(text);
    expect(text).toContain('"ExpireTime":"2023-11-14T22:13:21.5Z"');
    expect(again.set('/1/after', false, 'x')).toMatchObject({node: {createdIndex: store.currentIndex + 1}});
    expect(again.history.scan('/1/turning', false, 3)).toMatchObject({code: 401});
    expect(again.history.scan('/1/turning', false, 900)).toMatchObject({node: {modifiedIndex: 900}});
    expect(again.history.scan('/1', true, 1004)).toMatchObject({node: {key: '/1/t'}});
  });

  test('what is no such text is refused', () => {
    expect(() => recoverV2Store(fresh(), new TextEncoder().encode('{"Root"'))).toThrow('is no JSON');
  });
});

test('texts as Go writes them', () => {
  expect(goJsonString('a"\\\n\r\t\x01<>&')).toBe('"a\\"\\\\\\n\\r\\t\\u0001\\u003c\\u003e\\u0026"');
  expect(goJsonString(fromUtf8Text('é\u2028\u2029😀'))).toBe('"é\\u2028\\u2029😀"');
  expect(goJsonString('\xff\xc3a\xed\xa0\x80')).toBe('"\\ufffd\\ufffda\\ufffd\\ufffd\\ufffd"');
});

test.each([
  [0n, '1970-01-01T00:00:00Z'],
  [951_782_400_000_000_000n, '2000-02-29T00:00:00Z'],
  [1_700_000_000_123_456_789n, '2023-11-14T22:13:20.123456789Z'],
  [1_700_000_000_120_000_000n, '2023-11-14T22:13:20.12Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
])('time %s is %s', (ns, text) => {
  expect(goTime(ns)).toBe(text);
  expect(parseGoTime(text)).toBe(ns);
});

test('times with another zone, and what is no time', () => {
  expect(parseGoTime('2000-02-29T01:30:00+01:30')).toBe(951_782_400_000_000_000n);
  expect(parseGoTime('2000-02-28T23:00:00-01:00')).toBe(951_782_400_000_000_000n);
  expect(parseGoTime('yesterday')).toBeUndefined();
});
