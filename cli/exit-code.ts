// cli/exit-code.ts: what the exit codes mean, everywhere.
import type {VerdictKind} from '../history/verdict.ts';

export const EXIT_OK = 0;
export const EXIT_VIOLATION = 1;
/** Bad usage or bad input. */
export const EXIT_INPUT = 2;
/** No verdict within the budget. */
export const EXIT_UNKNOWN = 3;

export function exitCodeOf(verdict: VerdictKind): number {
  switch (verdict) {
    case 'ok':
      return EXIT_OK;
    case 'violation':
      return EXIT_VIOLATION;
    case 'unknown':
      return EXIT_UNKNOWN;
  }
}
