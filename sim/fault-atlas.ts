// sim/fault-atlas.ts: decided before a run: which member's files of which role may be damaged.
// Promise, 'within-quorum': of n members at most floor((n - 1) / 2) are damaged, the same ones in every role, so that a quorum
// has good copies of everything and can run on them. What follows for a log kept by Raft: damage that the member notices (a
// checksum, a refusal to start) takes it out and the rest goes on. Damage that makes a member forget what it acknowledged
// without noticing is beyond Raft's assumptions even on one member: an acknowledged entry may have no more than that
// quorum's smallest majority behind it. Whoever arms such a rule must say so to the checker.
// Promise, 'beyond-quorum': in at least one role more members than that may be damaged; the checker asks for an honest refusal only.
// Not here: what a role is. The user of the disk knows its files and maps a place to a role.
import {assert} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import type {DiskPlace} from './disk-faults.ts';

export type AtlasMode = 'within-quorum' | 'beyond-quorum';

/** What an atlas is drawn from. */
export interface FaultAtlasParts<Role extends string> {
  readonly random: Random;
  /** The voting members, whose copies count; in any order, each once. */
  readonly members: readonly string[];
  /** The file roles that may be damaged at all. */
  readonly roles: readonly Role[];
  readonly mode: AtlasMode;
}

/** How many of so many members may fail while the rest is a quorum. */
export function toleratedCount(memberCount: number): number {
  return Math.floor((memberCount - 1) / 2);
}

export class FaultAtlas<Role extends string> {
  readonly mode: AtlasMode;
  readonly members: readonly string[];
  readonly roles: readonly Role[];
  private readonly granted: ReadonlyMap<Role, ReadonlySet<string>>;

  constructor({random, members, roles, mode}: FaultAtlasParts<Role>) {
    assert(members.length > 0, 'an atlas needs members');
    assert(new Set(members).size === members.length, 'a member stands twice in the atlas', {members});
    assert(new Set(roles).size === roles.length, 'a role stands twice in the atlas', {roles});
    assert(mode === 'within-quorum' || roles.length > 0, 'damage beyond a quorum needs a role', {mode});
    this.mode = mode;
    this.members = [...members].sort();
    this.roles = [...roles].sort();
    this.granted = mode === 'within-quorum' ? this.drawWithin(random) : this.drawBeyond(random);
  }

  /** Whether that member's files of that role may be damaged. False for members and roles that the atlas does not know. */
  allows(member: string, role: Role): boolean {
    return this.granted.get(role)?.has(member) ?? false;
  }

  /** The members whose files of that role may be damaged, sorted. */
  damageable(role: Role): readonly string[] {
    return this.members.filter((member) => this.allows(member, role));
  }

  /** For the `where` of a rule on one member's disk: places with a role that may be damaged there. */
  where(member: string, roleOf: (place: DiskPlace) => Role | undefined): (place: DiskPlace) => boolean {
    return (place) => {
      const role = roleOf(place);
      return role !== undefined && this.allows(member, role);
    };
  }

  /** For the run record: role by role, the members that may be damaged. */
  toJSON(): {readonly mode: AtlasMode; readonly damageable: Readonly<Record<string, readonly string[]>>} {
    return {mode: this.mode, damageable: Object.fromEntries(this.roles.map((role) => [role, this.damageable(role)]))};
  }

  /** A drawn set of members within the bound; in each role all of them or some. */
  private drawWithin(random: Random): Map<Role, Set<string>> {
    const tolerated = toleratedCount(this.members.length);
    const damaged = random.shuffle(this.members).slice(0, tolerated);
    const granted = new Map<Role, Set<string>>();
    for (const role of this.roles) {
      // Half of the time the whole bound is used, because that is where it hurts.
      const count = random.below(2) === 0 ? damaged.length : random.below(damaged.length + 1);
      granted.set(role, new Set(random.shuffle(damaged).slice(0, count)));
    }
    return granted;
  }

  /** In one drawn role more members than the bound allows, in the others any. */
  private drawBeyond(random: Random): Map<Role, Set<string>> {
    const beyond = toleratedCount(this.members.length) + 1;
    const worst = random.pick(this.roles);
    const granted = new Map<Role, Set<string>>();
    for (const role of this.roles) {
      const countMin = role === worst ? beyond : 0;
      const count = random.between(countMin, this.members.length);
      granted.set(role, new Set(random.shuffle(this.members).slice(0, count)));
    }
    return granted;
  }
}
