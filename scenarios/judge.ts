// scenarios/judge.ts: everything that is checked about a finished run, from its history and what was watched while it ran.
import {checkDurability} from '../checkers/kv/durability.ts';
import {checkClientRevisions} from '../checkers/kv/revisions.ts';
import {checkSerializableReads} from '../checkers/kv/serializable.ts';
import {checkLinearizableByRevision} from '../checkers/linearizable/revision.ts';
import type {KeyValue, Operation} from '../history/operation.ts';
import type {Finding} from '../history/verdict.ts';

export interface Evidence {
  readonly operations: readonly Operation[];
  /** What the surviving members hold at the end, when they came to rest; undefined when the run ended before. */
  readonly finalState: {readonly revision: number; readonly kvs: readonly KeyValue[]} | undefined;
}

/** Findings of the checks that look at the whole history. */
export function judgeHistory(evidence: Evidence): Finding[] {
  return [];
}
