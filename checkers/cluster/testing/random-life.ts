// checkers/cluster/testing/random-life.ts: the life of a correct cluster, for tests: a plain model second by second of rolling upgrades and
// roll-backs, downgrade jobs, members that come and go, leaders of every minor, and snapshots at the end. Deterministic in the seed.
import {Random} from '../../../base/random.ts';
import type {ClusterEvent, ClusterLog, ListedMember, MemberSnapshot} from '../../../history/cluster-log.ts';

/** One patch release for each minor. */
const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.4', '3.7.1'] as const;
const FIRST_MINOR = 3;
const SECOND_US = 1_000_000;

interface Member {
  readonly name: string;
  minor: number;
  isUp: boolean;
}

/** A cluster that keeps all rules and comes to rest. */
export function randomLife(seed: number | string): ClusterLog {
  const model = new LifeModel(Random.fromSeed(seed).stream('life'));
  model.run();
  return model.log();
}

class LifeModel {
  private readonly random: Random;
  private readonly events: ClusterEvent[] = [];
  private readonly members: Member[] = [];
  private second = 0;
  private version = 0;
  private job: number | undefined;
  private leader: Member | undefined;
  private nextName = 0;
  private calmSecond = 0;

  constructor(random: Random) {
    this.random = random;
  }

  run(): void {
    let minor = FIRST_MINOR + this.random.below(4);
    for (let i = 0; i < 3; i++) this.add(minor);
    this.pass(10);
    for (let step = 0; step < 4; step++) {
      const isNewest = minor === FIRST_MINOR + RELEASES.length - 1;
      switch (this.random.below(5)) {
        case 0:
          this.replaceMember(minor);
          break;
        case 1:
          if (minor >= 6 && this.version === minor) this.downgrade(minor);
          break;
        case 2:
          if (!isNewest) this.roll(minor + 1, this.random.below(3));
          if (!isNewest) this.roll(minor, 3);
          break;
        default:
          if (!isNewest) this.roll(++minor, 3);
      }
      this.pass(this.random.below(8));
      minor = Math.max(...this.members.map((member) => member.minor));
    }
    this.calmSecond = this.second;
    this.pass(30);
  }

  log(): ClusterLog {
    const calmFromUs = this.calmSecond * SECOND_US;
    return {events: this.events, snapshots: this.snapshots(), calmFromUs, endUs: this.second * SECOND_US};
  }

  private get atUs(): number {
    return this.second * SECOND_US;
  }

  private pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.second++;
      if (this.leader?.isUp !== true) this.elect();
      if (this.second % 4 === 0) this.decide();
      if (this.second % 5 === 0) this.endJob();
    }
  }

  private elect(): void {
    const up = this.members.filter(({isUp}) => isUp);
    if (up.length * 2 <= this.members.length) return;
    this.leader = this.random.pick(up);
    this.events.push({kind: 'leader', atUs: this.atUs, member: this.leader.name});
    if (this.random.below(2) === 0) this.decide();
  }

  /** The leader of each minor as its release has it. */
  private decide(): void {
    const {leader, version, job} = this;
    if (leader?.isUp !== true) return;
    const isEachUp = this.members.every(({isUp}) => isUp);
    const lowest = Math.min(...this.members.map(({minor}) => minor));
    if (version === 0) return this.setVersion(isEachUp && this.random.below(2) === 0 ? lowest : 0, true);
    if (!isEachUp) return;
    if (leader.minor >= 6 && job !== undefined) {
      if (job === version - 1 && job === lowest - 1) this.setVersion(job);
      return;
    }
    if (lowest > version || (leader.minor === 5 && lowest === version - 1)) this.setVersion(lowest);
  }

  private setVersion(minor: number, isFirst = false): void {
    // 3.0 is where a cluster starts whose members have not all been heard of.
    const version = isFirst && minor === 0 ? 0.5 : minor;
    this.version = version;
    this.events.push({kind: 'cluster-version', atUs: this.atUs, version: `3.${Math.floor(version)}.0`});
  }

  private endJob(): void {
    if (this.job === undefined || this.leader === undefined) return;
    const isDone =
      this.leader.minor >= 6 ? this.members.every(({minor}) => minor === this.job) : this.version === this.job;
    if (isDone) this.setJob(false, this.job, 'leader');
  }

  private setJob(enabled: boolean, target: number, by: 'request' | 'leader'): void {
    this.job = enabled ? target : undefined;
    this.events.push({kind: 'downgrade', atUs: this.atUs, enabled, target: `3.${target}.0`, by});
  }

  private add(minor: number): Member {
    const member = {name: `m${this.nextName++}`, minor, isUp: false};
    this.members.push(member);
    this.events.push({kind: 'added', atUs: this.atUs, member: member.name});
    this.pass(this.random.below(3));
    this.start(member, minor);
    return member;
  }

  private start(member: Member, minor: number): void {
    member.minor = minor;
    member.isUp = true;
    const release = RELEASES[minor - FIRST_MINOR] ?? '';
    this.events.push({kind: 'up', atUs: this.atUs, member: member.name, release});
  }

  private replaceMember(minor: number): void {
    const gone = this.random.pick(this.members);
    if (this.random.below(2) === 0) this.stop(gone);
    this.pass(this.random.below(6));
    this.members.splice(this.members.indexOf(gone), 1);
    if (this.leader === gone) this.leader = undefined;
    this.events.push({kind: 'removed', atUs: this.atUs, member: gone.name});
    if (gone.isUp) this.stop(gone);
    this.pass(2);
    if (this.version < minor && this.job === undefined) this.pass(8);
    this.add(minor);
  }

  private stop(member: Member): void {
    member.isUp = false;
    const how = this.random.pick(['stop', 'kill', 'power-off'] as const);
    this.events.push({kind: 'down', atUs: this.atUs, member: member.name, how});
  }

  /** Brings so many members to a minor, one after the other. A member below the cluster version would not run, so it is left alone. */
  private roll(minor: number, count: number): void {
    for (const member of this.random.shuffle(this.members).slice(0, count)) {
      if (member.minor === minor || minor < this.version) continue;
      this.stop(member);
      this.pass(this.random.below(6));
      this.start(member, minor);
      this.pass(this.random.below(6));
    }
  }

  private downgrade(minor: number): void {
    this.pass(10);
    if (this.version !== minor) return;
    this.setJob(true, minor - 1, 'request');
    this.pass(this.random.below(3));
    if (this.random.below(4) === 0) {
      this.setJob(false, minor - 1, 'request');
      this.pass(10);
      return;
    }
    this.pass(6);
    this.roll(minor - 1, 3);
    this.pass(12);
  }

  private snapshots(): MemberSnapshot[] {
    const list = this.members.map(({name}, i): ListedMember => {
      const urls = {peerUrls: [`http://${name}:2380`], clientUrls: [`http://${name}:2379`]};
      return {id: `${i}`.padStart(16, '0'), name, ...urls, isLearner: false};
    });
    const members = {members: list, removed: ['00000000000000ff']};
    const version = Math.floor(this.version);
    return this.members.map(({name, minor}): MemberSnapshot => {
      const isNamed = minor >= 6 && version >= 6;
      const metaKeys = [
        'consistent_index',
        ...(minor >= 5 ? ['term', 'confState'] : []),
        ...(isNamed ? ['storageVersion'] : []),
      ];
      return {
        atUs: this.atUs,
        member: name,
        release: RELEASES[minor - FIRST_MINOR] ?? '',
        appliedIndex: 100,
        isCaughtUp: true,
        hash: {revision: 50, compactRevision: 20, hash: 12345},
        storage: {
          buckets: 'key meta lease alarm cluster members members_removed auth authUsers authRoles'.split(' '),
          metaKeys,
          clusterKeys: ['clusterVersion'],
          term: minor >= 5 ? 3 : 0,
          storageVersion: isNamed ? `3.${version}.0` : undefined,
        },
        clusterVersion: `3.${version}.0`,
        ...(minor >= 7 ? {} : {v2Members: {members: [...list].reverse(), removed: members.removed}}),
        backendMembers: members,
        raft: {voters: list.map(({id}) => id), learners: []},
      };
    });
  }
}
