// live/compare/run.ts: the state of one comparison: two worlds, what is known of each, what is open, what was found.
import type {SingleOp} from '../plan.ts';
import type {Codec, Rpc} from '../rpc/codec.ts';
import type {PendingCall, World, WorldStream} from '../world.ts';
import {type Book, emptyBook, type Shared} from './book.ts';
import type {Difference} from './difference.ts';
import type {LogEntry} from './stream-log.ts';

/** Points in a run that some operations must keep a distance from: see calm.ts. */
export type Mark =
  | 'watch in the past'
  | 'large value'
  | 'large past'
  | 'compaction'
  | 'start'
  | 'operation'
  | `added ${string}`;

/** When something last happened, on the clock of each world. */
export type Quiet = Map<Mark, readonly [number, number]>;

/** A world with what is known of it. */
export interface Side {
  readonly world: World;
  readonly book: Book;
}
export type Sides = readonly [Side, Side];

/** A stream as both worlds have it. */
export interface StreamPair {
  readonly rpc: Rpc;
  /** Where it was opened; later messages go there whatever they say. */
  readonly member: number;
  readonly ends: readonly [StreamEnd, StreamEnd];
  /** Closed by us: what comes afterwards is not compared. */
  closed: boolean;
  hasDifference: boolean;
}
export interface StreamEnd {
  readonly stream: WorldStream;
  taken: number;
  readonly sequences: Map<string, LogEntry[]>;
  readonly compared: Map<string, number>;
}

export interface PendingPair {
  readonly op: SingleOp & {readonly op: 'begin'};
  readonly rpc: Rpc;
  readonly calls: readonly [PendingCall, PendingCall];
  readonly index: number;
}

/** One comparison under way. */
export interface Run {
  readonly codec: Codec;
  readonly sides: Sides;
  readonly shared: Shared;
  readonly streams: Map<string, StreamPair>;
  readonly pendings: Map<number, PendingPair>;
  readonly quiet: Quiet;
  /** The first difference of each kind. */
  readonly differences: Difference[];
  /** Operations that were answered differently, by row of the table. */
  readonly different: Map<string, number>;
  /** Operations carried out in both worlds. */
  done: number;
  /** Operations that there was nothing to do for: a slot that is busy or empty, a wait that LEFT_OUT names. */
  idle: number;
  /** Calls by row of the table. */
  readonly calls: Map<string, number>;
  /** Members that may not have applied yet what another member answered. */
  readonly behind: Set<number>;
  readonly differencesMax: number;
  /** Calls that a world left without an answer. */
  silences: number;
}

export interface RunOptions {
  /** The run ends when that many kinds of difference are found. */
  readonly differencesMax: number;
}

export function startRun(codec: Codec, worlds: readonly [World, World], {differencesMax}: RunOptions): Run {
  return {
    codec,
    sides: [
      {world: worlds[0], book: emptyBook()},
      {world: worlds[1], book: emptyBook()},
    ],
    shared: {headRevision: 1, compactedRevision: 0, authEnabled: false},
    streams: new Map(),
    pendings: new Map(),
    quiet: new Map([['start', [0, 0]]]),
    differences: [],
    different: new Map(),
    done: 0,
    idle: 0,
    calls: new Map(),
    behind: new Set(),
    differencesMax,
    silences: 0,
  };
}

/** Runs something in both worlds at the same time. */
export async function bothSides<T>(run: Run, act: (side: Side) => Promise<T>): Promise<[T, T]> {
  return Promise.all([act(run.sides[0]), act(run.sides[1])]);
}
