// reports/filter.ts: which operations a viewer wants to see, as a predicate over the columns.
import {KINDS, type OperationKind} from './describe.ts';
import {type OperationColumns, OUTCOMES, type OutcomeKind, type RunHead} from './view-types.ts';

/** Every part that is undefined matches anything; parts are joined by "and". */
export interface Filter {
  /** Client number. */
  readonly client?: number | undefined;
  /** A key of RunHead.keys: operations that may touch it. */
  readonly key?: string | undefined;
  readonly kind?: OperationKind | undefined;
  readonly outcome?: OutcomeKind | undefined;
}

/** Does the filter let everything through? */
export function isEmptyFilter({client, key, kind, outcome}: Filter): boolean {
  return client === undefined && key === undefined && kind === undefined && outcome === undefined;
}

/** For each operation 1 where the filter lets it through. A key that the run does not have lets only unlistable sets through. */
export function matchingOperations(
  columns: OperationColumns,
  {clients, keys, keySets}: Pick<RunHead, 'clients' | 'keys' | 'keySets'>,
  filter: Filter,
): Uint8Array {
  const matches = new Uint8Array(columns.count).fill(1);
  const keep = (column: ArrayLike<number>, wanted: number) => {
    for (let i = 0; i < matches.length; i++) if (column[i] !== wanted) matches[i] = 0;
  };
  if (filter.client !== undefined) {
    keep(
      columns.client,
      clients.findIndex(({client}) => client === filter.client),
    );
  }
  if (filter.kind !== undefined) keep(columns.kind, KINDS.indexOf(filter.kind));
  if (filter.outcome !== undefined) keep(columns.outcome, OUTCOMES.indexOf(filter.outcome));
  if (filter.key !== undefined) {
    const position = keys.indexOf(filter.key);
    const isIn = keySets.map((set, index) => index === 0 || set.includes(position));
    for (let i = 0; i < matches.length; i++) if (!isIn[columns.keySet[i] as number]) matches[i] = 0;
  }
  return matches;
}

/** How many operations a filter lets through. */
export function matchCount(matches: Uint8Array): number {
  let count = 0;
  for (const match of matches) count += match;
  return count;
}
