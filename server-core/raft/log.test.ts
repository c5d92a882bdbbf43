// The log (storage and unstable end together) against a plain list of terms, under appends, truncations, storage work that
// lags behind, commits, applies, compaction and snapshots; and the limits on what is handed out.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {entrySize} from '../raftpb/codec.ts';
import type {Entry} from '../raftpb/types.ts';
import {EMPTY_CONF_STATE, makeEntry} from '../raftpb/types.ts';
import {RaftLog} from './log.ts';
import {MemoryStorage} from './memory-storage.ts';
import {NO_LIMIT, SILENT_LOGGER} from './types.ts';

const DATA = Uint8Array.of(1, 2, 3);

function entriesFrom(index: number, terms: readonly number[]): Entry[] {
  return terms.map((term, i) => makeEntry({term, index: index + i, data: DATA}));
}

/** A list of terms, the index of its first entry, and the term before it. */
interface Model {
  terms: number[];
  first: number;
  termBefore: number;
}

const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      back: fc.integer({min: 0, max: 4}),
      count: fc.integer({min: 1, max: 4}),
      termStep: fc.integer({min: 0, max: 1}),
    }),
  },
  {weight: 3, arbitrary: fc.record({kind: fc.constantFrom('accept' as const, 'store' as const)})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('commit' as const), by: fc.integer({min: 1, max: 3})})},
  {weight: 2, arbitrary: fc.record({kind: fc.constantFrom('apply' as const, 'compact' as const)})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('snapshot' as const), ahead: fc.integer({min: 1, max: 4})})},
);

function compare(log: RaftLog, model: Model): void {
  const last = model.first + model.terms.length - 1;
  expect(log.firstIndex()).toBe(model.first);
  expect(log.lastIndex()).toBe(last);
  for (let index = model.first; index <= last; index++) expect(log.term(index)).toBe(model.terms[index - model.first]);
  expect(log.term(model.first - 1)).toBe(model.termBefore);
  expect(log.term(last + 1)).toBe('unavailable');
  if (model.first > 1) expect(log.term(model.first - 2)).toBe('compacted');
  const all = log.slice(model.first, last + 1, NO_LIMIT);
  expect((all as readonly Entry[]).map(({term}) => term)).toEqual(model.terms);
}

describe('log', () => {
  test('reads as one list whatever is stored already', () => {
    fc.assert(
      fc.property(fc.array(action, {maxLength: 50}), (actions) => {
        const storage = new MemoryStorage();
        const log = new RaftLog(storage, SILENT_LOGGER, NO_LIMIT);
        const model: Model = {terms: [], first: 1, termBefore: 0};
        let term = 1;
        let accepted: readonly Entry[] = [];
        const handedOut: {readonly entries: readonly Entry[]; readonly copy: string}[] = [];
        for (const next of actions) {
          const last = model.first + model.terms.length - 1;
          if (next.kind === 'append') {
            term += next.termStep;
            const from = Math.max(last + 1 - next.back, log.committed + 1);
            // A rewrite below the end is by a later leader.
            if (from <= last) term++;
            const terms = new Array<number>(next.count).fill(term);
            log.append(entriesFrom(from, terms));
            model.terms.splice(from - model.first, model.terms.length, ...terms);
          } else if (next.kind === 'accept') {
            const entries = log.unstable.nextEntries();
            handedOut.push({entries, copy: JSON.stringify(entries)});
            if (log.unstable.snapshot !== undefined) continue;
            storage.append(entries);
            accepted = entries;
            log.unstable.acceptInProgress();
            expect(log.unstable.nextEntries()).toEqual([]);
          } else if (next.kind === 'store') {
            const done = accepted.at(-1);
            if (done !== undefined) log.unstable.stableTo(done.index, done.term);
          } else if (next.kind === 'commit') {
            log.commitTo(Math.min(last, log.committed + next.by));
          } else if (next.kind === 'apply') {
            const entries = log.nextCommittedEntries(true);
            expect(entries.map(({index}) => index)).toEqual(
              Array.from({length: log.committed - log.applied}, (_, i) => log.applied + 1 + i),
            );
            if (entries.length > 0) log.acceptApplying(log.committed, 0, true);
            log.appliedTo(log.committed, 0);
          } else if (next.kind === 'compact') {
            const upTo = Math.min(log.applied, storage.lastIndex(), log.unstable.offset - 1);
            if (upTo < model.first) continue;
            storage.compact(upTo);
            model.termBefore = model.terms[upTo - model.first] as number;
            model.terms.splice(0, upTo + 1 - model.first);
            model.first = upTo + 1;
          } else if (next.kind === 'snapshot') {
            const index = last + next.ahead;
            const metadata = {confState: EMPTY_CONF_STATE, index, term: ++term};
            log.restore({data: undefined, metadata});
            Object.assign(model, {terms: [], first: index + 1, termBefore: term});
            compare(log, model);
            storage.applySnapshot({data: undefined, metadata});
            log.unstable.acceptInProgress();
            log.unstable.stableSnapshotTo(index);
            log.appliedTo(index, 0);
            accepted = [];
          }
          compare(log, model);
        }
        for (const {entries, copy} of handedOut) expect(JSON.stringify(entries)).toBe(copy);
      }),
      {seed: 11, numRuns: 500},
    );
  });

  test('a slice has at least one entry and no more bytes than allowed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({min: 0, max: 30}), {minLength: 1, maxLength: 10}),
        fc.nat({max: 10}),
        fc.nat({max: 150}),
        (sizes, storedCount, sizeMax) => {
          const entries = sizes.map((size, i) => makeEntry({term: 1, index: i + 1, data: new Uint8Array(size)}));
          const storage = new MemoryStorage();
          const log = new RaftLog(storage, SILENT_LOGGER, NO_LIMIT);
          log.append(entries);
          const stored = entries.slice(0, storedCount);
          storage.append(stored);
          if (stored.length > 0) log.unstable.stableTo(stored.length, 1);
          const got = log.slice(1, entries.length + 1, sizeMax) as readonly Entry[];
          let expected = 1;
          let total = entrySize(entries[0] as Entry);
          while (expected < entries.length) {
            total += entrySize(entries[expected] as Entry);
            if (total > sizeMax) break;
            expected++;
          }
          expect(got).toEqual(entries.slice(0, expected));
        },
      ),
      {seed: 12, numRuns: 500},
    );
  });

  test('hints skip what cannot match', () => {
    const log = new RaftLog(new MemoryStorage(), SILENT_LOGGER, NO_LIMIT);
    log.append(entriesFrom(1, [1, 1, 2, 2, 5, 5]));
    expect(log.findConflictByTerm(6, 4)).toEqual({index: 4, term: 2});
    expect(log.findConflictByTerm(6, 5)).toEqual({index: 6, term: 5});
    expect(log.findConflictByTerm(4, 1)).toEqual({index: 2, term: 1});
    expect(log.findConflictByTerm(9, 1)).toEqual({index: 9, term: 0});
    expect(log.findConflictByTerm(3, 0)).toEqual({index: 0, term: 0});
  });

  test('what is committed cannot be replaced, nor what is missing committed', () => {
    const log = new RaftLog(new MemoryStorage(), SILENT_LOGGER, NO_LIMIT);
    log.append(entriesFrom(1, [1, 1]));
    log.commitTo(2);
    expect(() => log.append(entriesFrom(2, [2]))).toThrow('after(1) is out of range [committed(2)]');
    expect(() => log.maybeAppend(0, 0, entriesFrom(1, [1, 2]), 0)).toThrow('conflict with committed entry');
    expect(() => log.commitTo(3)).toThrow('tocommit(3) is out of range [lastIndex(2)]');
    expect(() => log.appliedTo(3, 0)).toThrow('applied(3) is out of range');
    log.commitTo(1);
    expect(log.committed).toBe(2);
  });

  test('answers to storage work that no longer fits are ignored', () => {
    const log = new RaftLog(new MemoryStorage(), SILENT_LOGGER, NO_LIMIT);
    log.append(entriesFrom(1, [1, 1]));
    log.append(entriesFrom(2, [2]));
    log.unstable.stableTo(2, 1);
    log.unstable.stableTo(7, 1);
    expect(log.unstable.count).toBe(2);
    log.unstable.stableTo(1, 1);
    expect(log.unstable.count).toBe(1);
    expect(log.unstable.offset).toBe(2);
  });
});
