// history/timeline.ts: what happened to members and to the world during a run; few events, kept in every run record.

export type MemberRole = 'follower' | 'pre-candidate' | 'candidate' | 'leader' | 'learner';

/** What happened to one member, or a fault that lasted for a while. Times in microseconds of virtual time. */
export type TimelineEvent =
  | {readonly kind: 'start'; readonly atUs: number; readonly member: string; readonly release: string}
  /** The process is gone: killed, power cut, panic (with its message) or stopped in an orderly way. */
  | {
      readonly kind: 'stop';
      readonly atUs: number;
      readonly member: string;
      readonly how: 'kill' | 'power-off' | 'panic' | 'stop';
      readonly message?: string | undefined;
    }
  | {
      readonly kind: 'role';
      readonly atUs: number;
      readonly member: string;
      readonly role: MemberRole;
      readonly term: number;
    }
  /** A fault of the plan: `untilUs` undefined while it lasts to the end. */
  | {
      readonly kind: 'fault';
      readonly atUs: number;
      readonly untilUs?: number | undefined;
      /** partition, clog, pause, slow-disk, … */
      readonly fault: string;
      readonly members: readonly string[];
      readonly detail: string;
    }
  /** A phase of the run begins: safety (faults on), heal, liveness. */
  | {readonly kind: 'phase'; readonly atUs: number; readonly phase: 'safety' | 'heal' | 'liveness'}
  /** Something else worth a line: a snapshot installed, a log compacted. */
  | {readonly kind: 'note'; readonly atUs: number; readonly member: string; readonly text: string};
