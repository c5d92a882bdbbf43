// checkers/cluster/cluster-life.ts: a cluster's events replayed: who is listed, who runs what, the cluster version and the downgrade job.
import {must} from '../../base/assert.ts';
import type {ClusterEvent} from '../../history/cluster-log.ts';
import {type Minor, minorOf} from './versions.ts';

export interface MemberLife {
  readonly name: string;
  isListed: boolean;
  listedUs: number;
  removedUs: number;
  isUp: boolean;
  /** What it runs, or ran last; undefined: it never started. */
  release: string | undefined;
  acceptsNext: boolean;
  /** Lowest and highest minor it has run since the cluster version changed last; undefined: none. */
  minorMin: Minor | undefined;
  minorMax: Minor | undefined;
}

export interface DowngradeJob {
  readonly enabled: boolean;
  readonly target: Minor;
}

export class ClusterLife {
  readonly members = new Map<string, MemberLife>();
  /** Undefined: not decided. */
  version: Minor | undefined;
  job: DowngradeJob | undefined;
  leader: string | undefined;

  listed(): MemberLife[] {
    return [...this.members.values()].filter(({isListed}) => isListed);
  }

  /** The lowest minor that listed members run or ran last; undefined: one never started, or none is listed. */
  lowest(): Minor | undefined {
    let lowest: Minor | undefined;
    for (const {release} of this.listed()) {
      if (release === undefined) return undefined;
      const minor = minorOf(release);
      if (lowest === undefined || minor < lowest) lowest = minor;
    }
    return lowest;
  }

  /** Brings the life forward by one event. */
  apply(event: ClusterEvent): void {
    switch (event.kind) {
      case 'up': {
        const member = this.member(event.member);
        const minor = minorOf(event.release);
        member.isUp = true;
        member.release = event.release;
        member.acceptsNext = event.acceptsNextVersion ?? false;
        member.minorMin = Math.min(minor, member.minorMin ?? minor);
        member.minorMax = Math.max(minor, member.minorMax ?? minor);
        break;
      }
      case 'down':
        this.member(event.member).isUp = false;
        if (this.leader === event.member) this.leader = undefined;
        break;
      case 'added': {
        const member = this.member(event.member);
        member.isListed = true;
        member.listedUs = event.atUs;
        break;
      }
      case 'removed': {
        const member = this.member(event.member);
        member.isListed = false;
        member.removedUs = event.atUs;
        break;
      }
      case 'leader':
        this.leader = event.member;
        break;
      case 'cluster-version':
        this.version = minorOf(event.version);
        for (const member of this.members.values()) {
          member.minorMin = member.release === undefined ? undefined : minorOf(member.release);
          member.minorMax = member.minorMin;
        }
        break;
      case 'downgrade':
        this.job = event.target === '' ? undefined : {enabled: event.enabled, target: minorOf(event.target)};
        break;
      case 'recovered':
        this.members.clear();
        this.version = undefined;
        this.job = undefined;
        this.leader = undefined;
        break;
    }
  }

  private member(name: string): MemberLife {
    if (!this.members.has(name)) {
      this.members.set(name, {
        name,
        isListed: false,
        listedUs: 0,
        removedUs: -1,
        isUp: false,
        release: undefined,
        acceptsNext: false,
        minorMin: undefined,
        minorMax: undefined,
      });
    }
    return must(this.members.get(name), 'just set');
  }
}
