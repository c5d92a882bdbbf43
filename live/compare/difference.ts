// live/compare/difference.ts: one disagreement between two worlds, and its words.
import type {SingleOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';

export interface Difference {
  /** Position of the operation in the plan without groups, counting from 0. */
  readonly index: number;
  /** The RPC that answered differently: for events, the stream's. */
  readonly rpc: string;
  readonly op: SingleOp;
  /** The request as it was sent, in the first world's values. */
  readonly sent: Plain;
  /** Path of the first field that differs, or what is missing. */
  readonly field: string;
  readonly left: Plain | undefined;
  readonly right: Plain | undefined;
}

const SHOWN_MAX = 300;

/** A value on one line, bytes outside of ASCII escaped. */
export function show(value: Plain | undefined, max = SHOWN_MAX): string {
  if (value === undefined) return '(absent)';
  const text = JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
}

/** An operation on one line. */
export function showOp(op: SingleOp, sent?: Plain): string {
  switch (op.op) {
    case 'call':
    case 'begin':
    case 'send': {
      const where = op.op === 'send' ? ` stream ${op.stream}` : op.op === 'begin' ? ` pending ${op.slot}` : '';
      const who = `${op.as === 'auto' ? '' : ` as ${op.as}`}${op.requireLeader === true ? ' requiring a leader' : ''}`;
      return `${op.op} ${op.rpc}${where} at m${op.member}${who} ${show(sent ?? op.request)}`;
    }
    case 'cancel':
      return `cancel pending ${op.slot}`;
    case 'close':
      return `close ${op.rpc} stream ${op.stream} (${op.how})`;
    case 'sleep':
      return `sleep ${op.ms} ms`;
    case 'http':
      return `GET ${op.path} at m${op.member}, ${op.port} port`;
  }
}
