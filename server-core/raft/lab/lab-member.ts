// server-core/raft/lab/lab-member.ts: one member of the lab with its storage and a state machine that appends what it is given.
// etcd: rafttest.Node, processAppend, processApply.
import {concatBytes} from '../../../base/byte-string.ts';
import type {MemberId} from '../../../base/ids.ts';
import {InputError} from '../../../base/input-error.ts';
import {asConfChangeV2, confChangeOfEntry} from '../../raftpb/conf-change.ts';
import type {Entry, HardState, Message, Snapshot} from '../../raftpb/types.ts';
import {isEmptyHardState} from '../../raftpb/types.ts';
import {MemoryStorage} from '../memory-storage.ts';
import {RawNode} from '../raw-node.ts';
import type {Config, Storage} from '../types.ts';

const NO_DATA = new Uint8Array(0);

/** A storage whose snapshot is always the member's latest applied state. */
export class LabStorage implements Storage {
  readonly memory = new MemoryStorage();
  private readonly latest: () => Snapshot;

  constructor(latest: () => Snapshot) {
    this.latest = latest;
  }

  initialState(): ReturnType<Storage['initialState']> {
    return this.memory.initialState();
  }

  entries(lo: number, hi: number, sizeMax: number): ReturnType<Storage['entries']> {
    return this.memory.entries(lo, hi, sizeMax);
  }

  term(index: number): ReturnType<Storage['term']> {
    return this.memory.term(index);
  }

  firstIndex(): number {
    return this.memory.firstIndex();
  }

  lastIndex(): number {
    return this.memory.lastIndex();
  }

  snapshot(): Snapshot {
    return this.latest();
  }
}

/** What a member is made of; `storage` is the lab's to give. */
export type MemberConfig = Omit<Config, 'storage'>;

export class LabMember {
  readonly config: MemberConfig;
  readonly id: MemberId;
  raw: RawNode;
  /** MsgStorageAppend and MsgStorageApply that their threads have not taken up. */
  appendWork: Message[] = [];
  applyWork: Message[] = [];
  /** The state after each applied entry, the first one given at the start. */
  private readonly history: Snapshot[];
  private readonly storage: LabStorage;

  constructor(config: MemberConfig, snapshot: Snapshot) {
    this.config = config;
    this.id = config.id;
    this.history = [snapshot];
    this.storage = new LabStorage(() => this.latestSnapshot());
    if (snapshot.metadata.index > 0) this.storage.memory.applySnapshot(snapshot);
    this.raw = new RawNode({...config, storage: this.storage});
  }

  /** The state that was last applied. */
  latestSnapshot(): Snapshot {
    const latest = this.history.at(-1);
    if (latest === undefined) throw new InputError('a member of the lab has no state');
    return latest;
  }

  /** What is stored. */
  get memory(): MemoryStorage {
    return this.storage.memory;
  }

  /** The process dies and starts again on what is stored; what it had handed out and not stored is lost. */
  restart(): void {
    const {index} = this.latestSnapshot().metadata;
    this.appendWork = [];
    this.applyWork = [];
    this.raw = new RawNode({...this.config, applied: index, storage: this.storage});
  }

  /** Stores what a Ready or a MsgStorageAppend says; a text telling what is wrong, if anything. */
  store(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): string | undefined {
    if (hardState !== undefined && !isEmptyHardState(hardState)) this.memory.setHardState(hardState);
    if (snapshot === undefined) {
      this.memory.append(entries);
      return undefined;
    }
    if (entries.length > 0) return "can't apply snapshot and entries at the same time";
    if (!this.memory.applySnapshot(snapshot)) return 'requested index is older than the existing snapshot';
    return undefined;
  }

  /** Applies committed entries: membership changes to raft, everything to the growing text of the state machine. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const change = confChangeOfEntry(entry);
      const update = change === undefined ? entry.data : asConfChangeV2(change).context;
      const before = this.latestSnapshot();
      const confState = change === undefined ? before.metadata.confState : this.raw.applyConfChange(change);
      this.history.push({
        data: concatBytes([before.data ?? NO_DATA, update ?? NO_DATA]),
        metadata: {confState, index: entry.index, term: entry.term},
      });
    }
  }
}
