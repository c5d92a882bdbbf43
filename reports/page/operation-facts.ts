// reports/page/operation-facts.ts: all that is known of one operation, out of the columns.
import {KINDS, type OperationKind} from '../describe.ts';
import {OUTCOMES, type OutcomeKind} from '../view-types.ts';
import type {RunPage} from './run-page.ts';

export interface OperationFacts {
  readonly id: number;
  readonly client: number;
  readonly kind: OperationKind;
  readonly outcomeKind: OutcomeKind;
  readonly isSerializable: boolean;
  readonly request: string;
  readonly outcome: string;
  /** Who answered; empty: nobody. */
  readonly member: string;
  /** 0: none was told. */
  readonly revision: number;
  readonly callUs: number;
  /** -1: open. */
  readonly returnUs: number;
}

export function operationFacts(
  {head, operations: {columns, textOf}}: Pick<RunPage, 'head' | 'operations'>,
  operation: number,
): OperationFacts {
  const of = (column: ArrayLike<number>) => column[operation] as number;
  return {
    id: of(columns.id),
    client: head.clients[of(columns.client)]?.client ?? 0,
    kind: KINDS[of(columns.kind)] ?? 'get',
    outcomeKind: OUTCOMES[of(columns.outcome)] ?? 'ok',
    isSerializable: of(columns.serializable) === 1,
    ...textOf(operation),
    member: head.members[of(columns.member) - 1]?.name ?? '',
    revision: of(columns.revision),
    callUs: of(columns.callUs),
    returnUs: of(columns.returnUs),
  };
}
