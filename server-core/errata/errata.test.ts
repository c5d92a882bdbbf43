// Ranges name releases that there are, and tell the two sides of each mending apart.
import {describe, expect, test} from 'vitest';
import {isReleased} from '../release/released.ts';
import {erratum} from './erratum.ts';
import {ERRATA, erratumOf, isAffected, isErratumId} from './registry.ts';

test('there are ten, each under its own id', () => {
  expect(ERRATA.map(({id}) => id)).toEqual([...ERRATA.map(({id}) => id)].sort());
  expect(new Set(ERRATA.map(({id}) => id)).size).toBe(10);
  for (const known of ERRATA) expect(erratumOf(known.id)).toBe(known);
  expect([isErratumId('15271'), isErratumId('1'), isErratumId('toString')]).toEqual([true, false, false]);
});

describe.each(ERRATA.map((known) => [known.id, known] as const))('%s', (id, {ranges, story, sources, seam}) => {
  test('ranges begin and end at releases', () => {
    for (const {from, before} of ranges) {
      expect(isReleased(from), from).toBe(true);
      expect(isReleased(before), before).toBe(true);
      expect(isAffected(id, from), from).toBe(true);
      expect(isAffected(id, before), before).toBe(false);
    }
  });

  test('tells a story with sources', () => {
    expect(story.length).toBeGreaterThan(1);
    expect(sources.length).toBeGreaterThan(1);
    expect(seam).toMatch(/^[a-z]+: [a-zA-Z0-9]+$/);
  });
});

test.each([
  ['14370', '3.3.25', true],
  ['14370', '3.4.23', false],
  ['14370', '3.5.4', true],
  ['15271', '3.6.0', false],
  ['18667', '3.6.14', true],
  ['20418', '3.4.19', false],
  ['20418', '3.7.0', false],
  ['19557', '3.5.0', false],
  ['19557', '3.5.16', true],
] as const)('%s in %s: %s', (id, release, expected) => {
  expect(isAffected(id, release)).toBe(expected);
});

test('ranges that overlap or are empty are a mistake of ours', () => {
  const facts = {id: 'x', title: '', what: '', seam: '', story: [], sources: []};
  expect(() => erratum({...facts, ranges: [{from: '3.5.0', before: '3.5.0'}]})).toThrow('empty');
  const overlapping = [
    {from: '3.5.0', before: '3.5.9'},
    {from: '3.5.4', before: '3.5.12'},
  ];
  expect(() => erratum({...facts, ranges: overlapping})).toThrow('rise');
});
