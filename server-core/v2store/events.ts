// server-core/v2store/events.ts: what the v2 store has done lately: a ring of 1000 events that is part of its JSON, and its counters.
// etcd: v2store/event.go, event_history.go, event_queue.go, stats.go. There are no watchers here: nothing serves the v2 API.
import {must} from '../../base/assert.ts';
import type {ShownNode, V2Error} from './node.ts';
import {EcodeEventIndexCleared, v2Error} from './node.ts';

export type V2Action =
  | 'get'
  | 'create'
  | 'set'
  | 'update'
  | 'delete'
  | 'compareAndSwap'
  | 'compareAndDelete'
  | 'expire';

/** What one call did. etcd: Event. */
export interface V2Event {
  readonly action: V2Action;
  readonly node: ShownNode;
  readonly prevNode: ShownNode | undefined;
  /** Renewed the time to live only. */
  readonly refresh: boolean;
  /** The store's index behind it. Not part of the JSON. */
  readonly etcdIndex: number;
}

/** newWatchHub(1000). */
const CAPACITY = 1000;

/** The ring and its bounds, as they are saved. */
export interface HistoryState {
  /** `capacity` places, undefined where nothing was put yet. */
  readonly events: readonly (V2Event | undefined)[];
  readonly size: number;
  readonly front: number;
  readonly back: number;
  readonly capacity: number;
  readonly startIndex: number;
  readonly lastIndex: number;
}

export class EventHistory {
  private events: (V2Event | undefined)[] = new Array<V2Event | undefined>(CAPACITY).fill(undefined);
  private size = 0;
  private front = 0;
  private back = 0;
  private capacity = CAPACITY;
  private startIndex = 0;
  private lastIndex = 0;

  /** etcd: eventQueue.insert, EventHistory.addEvent. */
  add(event: V2Event): void {
    this.events[this.back] = event;
    this.back = (this.back + 1) % this.capacity;
    if (this.size === this.capacity) this.front = (this.front + 1) % this.capacity;
    else this.size++;
    this.lastIndex = event.node.modifiedIndex;
    this.startIndex = must(this.events[this.front], 'an event lies at the front').node.modifiedIndex;
  }

  /** The first event from `index` on that touches the key, or nothing yet; refused when it was dropped. etcd: scan. */
  scan(key: string, recursive: boolean, index: number): V2Event | V2Error | undefined {
    if (index < this.startIndex) {
      const cause = `the requested history has been cleared [${this.startIndex}/${index}]`;
      return v2Error(EcodeEventIndexCleared, cause, 0);
    }
    if (index > this.lastIndex) return undefined;
    const prefix = key.endsWith('/') ? key : `${key}/`;
    for (let at = index - this.startIndex; at < this.size; at++) {
      const event = this.events[(this.front + at) % this.capacity];
      if (event !== undefined && !event.refresh && touches(event, key, recursive ? prefix : undefined)) return event;
    }
    return undefined;
  }

  save(): HistoryState {
    const {events, size, front, back, capacity, startIndex, lastIndex} = this;
    return {events, size, front, back, capacity, startIndex, lastIndex};
  }

  recover(state: HistoryState): void {
    this.events = [...state.events];
    this.size = state.size;
    this.front = state.front;
    this.back = state.back;
    this.capacity = state.capacity;
    this.startIndex = state.startIndex;
    this.lastIndex = state.lastIndex;
  }
}

function touches({action, node, prevNode}: V2Event, key: string, prefix: string | undefined): boolean {
  if (node.key === key || (prefix !== undefined && node.key.startsWith(prefix))) return true;
  const isRemoval = action === 'delete' || action === 'expire';
  return isRemoval && prevNode?.dir === true && key.startsWith(prevNode.key);
}

/** Counters, in the order of their JSON fields. */
export const STAT_NAMES = [
  'getsSuccess',
  'getsFail',
  'setsSuccess',
  'setsFail',
  'deleteSuccess',
  'deleteFail',
  'updateSuccess',
  'updateFail',
  'createSuccess',
  'createFail',
  'compareAndSwapSuccess',
  'compareAndSwapFail',
  'compareAndDeleteSuccess',
  'compareAndDeleteFail',
  'expireCount',
  'watchers',
] as const;

export type V2Stats = Record<(typeof STAT_NAMES)[number], number>;

export function emptyStats(): V2Stats {
  return Object.fromEntries(STAT_NAMES.map((name) => [name, 0])) as V2Stats;
}
