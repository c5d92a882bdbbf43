import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Random} from '../base/random.ts';
import type {AtlasMode} from './fault-atlas.ts';
import {FaultAtlas, toleratedCount} from './fault-atlas.ts';

const ROLES = ['wal-tail', 'wal-middle', 'db-meta', 'db-page', 'snap', 'snap-db'] as const;
type Role = (typeof ROLES)[number];

const parts = fc.record({
  seed: fc.nat(),
  memberCount: fc.integer({min: 1, max: 9}),
  roles: fc.subarray([...ROLES], {minLength: 1}),
});

function atlasOf({seed, memberCount, roles}: {seed: number; memberCount: number; roles: Role[]}, mode: AtlasMode) {
  const members = Array.from({length: memberCount}, (_, index) => `m${index + 1}`);
  return new FaultAtlas({random: Random.fromSeed(seed), members, roles, mode});
}

test('within a quorum, a quorum of members is undamaged in every role', () => {
  fc.assert(
    fc.property(parts, (drawn) => {
      const atlas = atlasOf(drawn, 'within-quorum');
      const damaged = new Set(drawn.roles.flatMap((role) => atlas.damageable(role)));
      expect(damaged.size).toBeLessThanOrEqual(toleratedCount(drawn.memberCount));
      const quorum = Math.floor(drawn.memberCount / 2) + 1;
      expect(drawn.memberCount - damaged.size).toBeGreaterThanOrEqual(quorum);
    }),
  );
});

test('beyond a quorum, some role has no quorum of undamaged members', () => {
  fc.assert(
    fc.property(parts, (drawn) => {
      const atlas = atlasOf(drawn, 'beyond-quorum');
      const worst = Math.max(...drawn.roles.map((role) => atlas.damageable(role).length));
      const quorum = Math.floor(drawn.memberCount / 2) + 1;
      expect(worst).toBeGreaterThan(toleratedCount(drawn.memberCount));
      expect(drawn.memberCount - worst).toBeLessThan(quorum);
    }),
  );
});

test('what was not asked for is never granted, and one draw gives one atlas, whatever the order of the names', () => {
  fc.assert(
    fc.property(parts, fc.constantFrom<AtlasMode>('within-quorum', 'beyond-quorum'), (drawn, mode) => {
      const atlas = atlasOf(drawn, mode);
      for (const role of ROLES) if (!drawn.roles.includes(role)) expect(atlas.damageable(role)).toEqual([]);
      expect(atlas.allows('nobody', 'snap')).toBe(false);
      const again = new FaultAtlas({
        random: Random.fromSeed(drawn.seed),
        members: [...atlas.members].reverse(),
        roles: [...drawn.roles].reverse(),
        mode,
      });
      expect(JSON.stringify(again)).toBe(JSON.stringify(atlas));
    }),
  );
});

test('every member of three gets its turn, and the whole bound is often used', () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 200; seed++) {
    for (const member of atlasOf({seed, memberCount: 3, roles: ['wal-tail']}, 'within-quorum').damageable('wal-tail')) {
      seen.set(member, (seen.get(member) ?? 0) + 1);
    }
  }
  expect([...seen.keys()].sort()).toEqual(['m1', 'm2', 'm3']);
  for (const count of seen.values()) expect(count).toBeGreaterThan(20);
});

test('a single member tolerates no damage', () => {
  const atlas = atlasOf({seed: 1, memberCount: 1, roles: [...ROLES]}, 'within-quorum');
  expect(ROLES.flatMap((role) => atlas.damageable(role))).toEqual([]);
});

test('where() grants by the role of a place', () => {
  const atlas = atlasOf({seed: 4, memberCount: 5, roles: ['snap']}, 'beyond-quorum');
  const roleOf = ({path}: {path: string}): Role | undefined => (path.endsWith('.snap') ? 'snap' : undefined);
  const place = (path: string) => ({operation: 'read', path, offset: 0, sizeBytes: 1}) as const;
  for (const member of atlas.members) {
    const where = atlas.where(member, roleOf);
    expect(where(place('/member/snap/1.snap'))).toBe(atlas.allows(member, 'snap'));
    expect(where(place('/member/snap/db'))).toBe(false);
  }
});
