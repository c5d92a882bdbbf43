// reports/page/store.ts: what a viewer has chosen. Parts of the page listen; each draws itself again when it must.
import type {Filter} from '../filter.ts';

/** What the details panel shows. Numbers are positions in the view. */
export type Selection =
  | {readonly kind: 'none'}
  | {readonly kind: 'operation'; readonly operation: number}
  | {readonly kind: 'fault'; readonly fault: number}
  | {readonly kind: 'event'; readonly member: number; readonly event: number};

export interface Choice {
  readonly selection: Selection;
  /** The finding that is told, and which of its orders. */
  readonly finding: number | undefined;
  readonly order: number;
  readonly filter: Filter;
}

export class Store {
  private current: Choice = {selection: {kind: 'none'}, finding: undefined, order: 0, filter: {}};
  private readonly listeners: ((choice: Choice, before: Choice) => void)[] = [];

  get choice(): Choice {
    return this.current;
  }

  change(part: Partial<Choice>): void {
    const before = this.current;
    this.current = {...before, ...part};
    for (const listener of this.listeners) listener(this.current, before);
  }

  listen(listener: (choice: Choice, before: Choice) => void): void {
    this.listeners.push(listener);
  }
}
