// scenarios/judge.ts: everything that is checked about a finished run, from its history and what was watched while it ran.
import {checkByRevision} from '../checkers/linearizable/revision.ts';
import type {Operation} from '../history/operation.ts';
import type {Finding} from '../history/verdict.ts';
import type {FinalState} from './final-state.ts';

export interface Evidence {
  readonly operations: readonly Operation[];
  readonly finalStates: readonly FinalState[];
}

/** Findings of the checks that look at the whole history. */
export function judgeHistory({operations}: Evidence): Finding[] {
  const r = checkByRevision(operations, {stepsMax: 1_000_000});
  if (r.kind === 'ok') return [];
  return [
    {
      check: 'linearizability',
      kind: r.kind,
      message: r.kind === 'violation' ? JSON.stringify(r.violation).slice(0, 500) : r.message,
    },
  ];
}
