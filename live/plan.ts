// live/plan.ts: a sequence of operations as plain data: what both worlds are told to do.
// Values that only a run knows are written as references ({$: 'lease', slot: 3}): what a server draws (lease ids, tokens, lock
// keys) differs between the worlds, and revisions near the present one depend on what came before. A reference that names
// nothing yet stands for a fixed value that no server drew, so any part of a plan is a plan too: that is what lets it shrink.
import type {Plain} from './rpc/codec.ts';

/** Whose token a call carries. `auto` is root's while authentication is on. */
export type Caller = 'auto' | 'nobody' | 'root' | 'alice' | 'bob' | 'forged' | 'stale';

/** What an answer leaves behind for later operations, and under which slot. */
export interface Binding {
  readonly kind: 'lease' | 'token' | 'member' | 'lock' | 'leader';
  readonly slot: number | string;
}

/** A reference inside a request. */
export type Reference =
  | {readonly $: 'lease'; readonly slot: number}
  | {readonly $: 'rev'; readonly from: 'head' | 'compacted'; readonly plus: number}
  | {readonly $: 'member'; readonly index: number}
  | {readonly $: 'added'; readonly slot: number}
  | {readonly $: 'url'; readonly of: number}
  | {readonly $: 'lock'; readonly slot: number}
  | {readonly $: 'leader'; readonly slot: number}
  | {readonly $: 'repeat'; readonly text: string; readonly count: number};

interface ToMember {
  readonly rpc: string;
  readonly member: number;
  readonly as: Caller;
  readonly request: Plain;
  /** Sends `hasleader` as a client does that requires a leader; on a stream, the message that opens it decides. */
  readonly requireLeader?: true;
}

/** One unary call, answered before the next operation. */
export interface CallOp extends ToMember {
  readonly op: 'call';
  readonly bind?: Binding;
}
/** A call that may block: it is left open, and looked at after every later operation. */
export interface BeginOp extends ToMember {
  readonly op: 'begin';
  readonly slot: number;
  readonly bind?: Binding;
}
/** A message on the stream of that RPC and slot, which is opened where it is not open. */
export interface SendOp extends ToMember {
  readonly op: 'send';
  readonly stream: number;
}
export interface CancelOp {
  readonly op: 'cancel';
  readonly slot: number;
}
export interface CloseOp {
  readonly op: 'close';
  readonly rpc: string;
  readonly stream: number;
  readonly how: 'half' | 'cancel';
}
export interface SleepOp {
  readonly op: 'sleep';
  readonly ms: number;
}
export interface HttpOp {
  readonly op: 'http';
  readonly member: number;
  readonly port: 'client' | 'peer';
  readonly path: string;
}
/** Operations that only make sense together, in this order. */
export interface GroupOp {
  readonly op: 'group';
  readonly why: string;
  readonly ops: readonly SingleOp[];
}

export type SingleOp = CallOp | BeginOp | SendOp | CancelOp | CloseOp | SleepOp | HttpOp;
export type Op = SingleOp | GroupOp;
export type Plan = readonly Op[];

/** The row of the table that an operation counts in. */
export function rowOf(op: SingleOp): string {
  switch (op.op) {
    case 'call':
    case 'begin':
    case 'send':
    case 'close':
      return op.rpc;
    case 'http':
      return `HTTP ${op.port} ${op.path.split('?')[0]}`;
    case 'cancel':
    case 'sleep':
      return '(no RPC)';
  }
}

/** A plan without groups. */
export function flatten(plan: Plan): SingleOp[] {
  return plan.flatMap((op) => (op.op === 'group' ? op.ops : [op]));
}

/** How many operations a plan has. */
export function countOps(plan: Plan): number {
  return plan.reduce((count, op) => count + (op.op === 'group' ? op.ops.length : 1), 0);
}
