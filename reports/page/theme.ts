// reports/page/theme.ts: the colours of the style sheet, for the canvas, which cannot read them itself.
import {KINDS, type OperationKind} from '../describe.ts';

export interface Theme {
  /** By position in KINDS. */
  readonly kinds: readonly string[];
  readonly barText: string;
  readonly capError: string;
  readonly capUnknown: string;
  readonly ghost: string;
  readonly bad: string;
  readonly ink: string;
  readonly surface: string;
  readonly line: string;
  readonly mono: string;
}

const KIND_VARIABLES: Readonly<Record<OperationKind, string>> = {
  get: '--read',
  range: '--read-2',
  put: '--put',
  delete: '--delete',
  txn: '--txn',
  'read-only txn': '--read-txn',
};

/** The theme in force. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    kinds: KINDS.map((kind) => of(KIND_VARIABLES[kind])),
    barText: of('--bar-text'),
    capError: of('--cap-error'),
    capUnknown: of('--cap-unknown'),
    ghost: of('--ghost'),
    bad: of('--bad'),
    ink: of('--ink'),
    surface: of('--surface'),
    line: of('--line-soft'),
    mono: of('--mono'),
  };
}

/** The style sheet's name of a kind's colour, for the legend. */
export const kindVariable = (kind: OperationKind): string => `var(${KIND_VARIABLES[kind]})`;

/** Calls back when the viewer's system changes between light and dark. */
export function onThemeChange(change: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', change);
}
