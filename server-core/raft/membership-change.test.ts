// Random sequences of changes: whatever is accepted is a configuration in which old and new majorities overlap.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import type {ConfChangeSingle, ConfState} from '../raftpb/types.ts';
import {CONF_CHANGE_TYPES, EMPTY_CONF_STATE, makeConfState} from '../raftpb/types.ts';
import type {ChangeBase, ChangeResult} from './membership-change.ts';
import {changeSimply, enterJoint, leaveJoint} from './membership-change.ts';
import {equivalentConfStates, restoreConfig} from './membership-restore.ts';
import {majoritySize} from './quorum.ts';

const EMPTY: ChangeBase = {
  config: EMPTY_CONF_STATE,
  progress: new Map(),
  limits: {countMax: 10, bytesMax: 0},
  lastIndex: 5,
};

type Step =
  | {readonly kind: 'simple' | 'enter'; readonly changes: readonly ConfChangeSingle[]; readonly autoLeave: boolean}
  | {readonly kind: 'leave'};

const change = fc.record({
  type: fc.constantFrom(...CONF_CHANGE_TYPES),
  nodeId: fc.integer({min: 0, max: 6}).map((value) => toMemberId(value)),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('simple' as const, 'enter' as const),
    changes: fc.array(change, {maxLength: 4}),
    autoLeave: fc.boolean(),
  }),
  fc.record({kind: fc.constant('leave' as const)}),
);

function applyStep(base: ChangeBase, next: Step): ChangeResult {
  if (next.kind === 'leave') return leaveJoint(base);
  return next.kind === 'simple' ? changeSimply(base, next.changes) : enterJoint(base, next.autoLeave, next.changes);
}

/** What must hold for every accepted configuration, restated from the rules and not from the code. */
function checkConfig(result: ChangeResult): void {
  if (result.error !== undefined) throw new Error(result.error);
  const {config, progress} = result;
  const members = [...config.voters, ...config.votersOutgoing, ...config.learners, ...config.learnersNext];
  expect([...progress.keys()].sort()).toEqual([...new Set(members)].sort());
  expect(config.voters.length).toBeGreaterThan(0);
  for (const id of config.learners) expect([...config.voters, ...config.votersOutgoing]).not.toContain(id);
  for (const id of config.learnersNext) expect(config.votersOutgoing).toContain(id);
  for (const [id, member] of progress) expect(member.isLearner).toBe(config.learners.includes(id));
  if (config.votersOutgoing.length === 0) {
    expect(config.autoLeave).toBe(false);
    expect(config.learnersNext).toEqual([]);
  }
}

/** Do every two deciding sets of the two configurations share a voter? By counting: their sizes exceed the union. */
function majoritiesOverlap(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return majoritySize(a.length) + majoritySize(b.length) > new Set([...a, ...b]).size;
}

function decisionsOverlap(before: ConfState, after: ConfState): boolean {
  const deciding = (config: ConfState) => [config.voters, config.votersOutgoing].filter((voters) => voters.length > 0);
  return deciding(before).some((a) => deciding(after).some((b) => majoritiesOverlap(a, b)));
}

describe('sequences of changes', () => {
  test('keep the rules of configurations, and consecutive ones share a majority', () => {
    fc.assert(
      fc.property(fc.array(step, {maxLength: 20}), (steps) => {
        let base = EMPTY;
        for (const next of steps) {
          const before = JSON.stringify(base.config);
          const members = [...base.progress.values()].map((member) => member.isLearner);
          const result = applyStep(base, next);
          expect(JSON.stringify(base.config)).toBe(before);
          expect([...base.progress.values()].map((member) => member.isLearner)).toEqual(members);
          if (result.error !== undefined) continue;
          checkConfig(result);
          if (base.config.voters.length > 0) expect(decisionsOverlap(base.config, result.config)).toBe(true);
          base = {...base, config: result.config, progress: result.progress, lastIndex: base.lastIndex + 1};
        }
      }),
      {seed: 3, numRuns: 1_000},
    );
  });

  test('a stored configuration is rebuilt as it was', () => {
    fc.assert(
      fc.property(fc.array(step, {maxLength: 12}), (steps) => {
        let base = EMPTY;
        for (const next of steps) {
          const result = applyStep(base, next);
          if (result.error === undefined) base = {...base, config: result.config, progress: result.progress};
        }
        const restored = restoreConfig(EMPTY, base.config);
        if (restored.error !== undefined) throw new Error(restored.error);
        expect(equivalentConfStates(restored.config, base.config)).toBe(true);
        expect([...restored.progress.keys()].sort()).toEqual([...base.progress.keys()].sort());
      }),
      {seed: 4, numRuns: 500},
    );
  });
});

test('configurations compare as sets', () => {
  const [one, two] = [toMemberId(1), toMemberId(2)];
  expect(equivalentConfStates(makeConfState({voters: [one, two]}), makeConfState({voters: [two, one]}))).toBe(true);
  expect(equivalentConfStates(makeConfState({voters: [one]}), makeConfState({learners: [one]}))).toBe(false);
  expect(equivalentConfStates(makeConfState({voters: [one]}), makeConfState({voters: [two]}))).toBe(false);
});
