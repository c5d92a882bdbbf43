// reports/page/run-page.ts: what every part of the page is given: the view, the operations, the choice, and ways to move.
import type {RowIndex} from '../marks/operations.ts';
import type {DecodedOperations} from '../page-data.ts';
import type {Band, RunHead} from '../view-types.ts';
import type {Store} from './store.ts';

export interface RunPage {
  readonly head: RunHead;
  readonly operations: DecodedOperations;
  readonly rows: RowIndex;
  readonly store: Store;
  readonly camera: Camera;
  /** Does the filter let the operation through? */
  readonly isShown: (operation: number) => boolean;
}

/** Moves the picture. */
export interface Camera {
  /** Zooms to a stretch of time. */
  show(band: Band): void;
  /** Brings an operation into sight, moving as little as possible. */
  reveal(operation: number): void;
  zoom(factor: number): void;
  /** Moves by a share of the width. */
  pan(share: number): void;
  fit(): void;
}

/** "3.6.0 × 3" or "3.5.16, 3.6.0". */
export function releaseText(releases: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const release of releases) counts.set(release, (counts.get(release) ?? 0) + 1);
  return [...counts].map(([release, count]) => (count === 1 ? release : `${release} × ${count}`)).join(', ');
}
