// server-core/raft/api-sketch.ts: the methods that class RawNode (raw-node.ts, to come) has, so that server loops can be
// written against them. Removed when raw-node.ts is there: `import {RawNode} from './raw-node.ts'; new RawNode(config)`.
import type {MemberId} from '../../base/ids.ts';
import type {AnyConfChange} from '../raftpb/conf-change.ts';
import type {ConfState, Message} from '../raftpb/types.ts';
import type {BasicStatus, Peer, Ready, RoleKind, StepRefusal} from './types.ts';

export interface RawNodeSketch {
  readonly id: MemberId;
  readonly term: number;
  readonly vote: MemberId;
  readonly role: RoleKind;
  readonly leader: MemberId;
  readonly isLearner: boolean;
  readonly committed: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** 0 where the term is not known (compacted, or past the end). */
  termAt(index: number): number;
  confState(): ConfState;
  tick(): void;
  campaign(): void;
  step(message: Message): StepRefusal | undefined;
  propose(data: Uint8Array): StepRefusal | undefined;
  proposeConfChange(change: AnyConfChange | undefined): StepRefusal | undefined;
  /** Call for every committed conf change entry, unless the user rejects the change. */
  applyConfChange(change: AnyConfChange): ConfState;
  hasReady(): boolean;
  ready(): Ready;
  /** Synchronous mode only: everything in the last Ready is stored and applied. */
  advance(): void;
  readIndex(requestContext: Uint8Array): void;
  transferLeader(to: MemberId): void;
  forgetLeader(): void;
  reportUnreachable(id: MemberId): void;
  reportSnapshot(id: MemberId, outcome: 'finished' | 'failed'): void;
  bootstrap(peers: readonly Peer[]): void;
  basicStatus(): BasicStatus;
}
