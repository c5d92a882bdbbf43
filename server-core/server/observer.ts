// server-core/server/observer.ts: how checkers look into a running member, step by step. A server never decides anything by it.
import type {RawNode} from '../raft/raw-node.ts';
import type {Entry, Message} from '../raftpb/types.ts';

export interface ServerObserver {
  /** Raft was made from what the disk held; entries behind `appliedIndex` are gone through again. */
  readonly restored: (raft: RawNode, appliedIndex: number) => void;
  /** Raft took a step. `changedFrom` is the lowest log index that was appended or replaced, 0 for none. */
  readonly stepped: (raft: RawNode, appliedIndex: number, changedFrom: number) => void;
  /** Messages leave for peers: what they say must survive a restart. */
  readonly sent: (messages: readonly Message[]) => void;
  /** One entry was applied to the store. */
  readonly applied: (entry: Entry, stateDigest: () => string, revision: number) => void;
  /** The store was replaced by a received snapshot. */
  readonly installed: (snapshotIndex: number, stateDigest: () => string, revision: number) => void;
  /** Something worth a line in the run's timeline. */
  readonly noted: (text: string) => void;
}
