// live/compare/rules.ts: all rules of the comparison as plain data: what is not compared as it stands, what is waited for, and what
// is not asked, each with its reason. Text and JSON of the command are made of this one object.
import {LEFT_OUT, type LeftOut} from '../generator/left-out.ts';
import {LOOKED_FOR, WAITS} from './calm.ts';
import {UNEQUAL, UNEQUAL_VALUES} from './unequal.ts';

export interface Rules {
  /** Fields that two correct clusters may answer differently; rpc * stands for all. */
  readonly unequal: readonly {readonly rpc: string; readonly field: string; readonly reason: string}[];
  /** Values that may differ wherever they stand. */
  readonly unequalValues: readonly string[];
  /** Operations that are held back until that many milliseconds have passed. */
  readonly waits: readonly {readonly what: string; readonly ms: number; readonly reason: string}[];
  /** What is looked for before the sequence goes on. */
  readonly lookedFor: readonly string[];
  /** What no sequence asks. */
  readonly leftOut: readonly LeftOut[];
}

export const RULES: Rules = {
  unequal: UNEQUAL.map(({rpc, field, reason}) => ({rpc, field: field.join('.'), reason})),
  unequalValues: UNEQUAL_VALUES,
  waits: WAITS.map(({what, ms, reason}) => ({what, ms, reason})),
  lookedFor: LOOKED_FOR,
  leftOut: LEFT_OUT,
};

/** The rules on paper, one a line. */
export function rulesLines({unequal, unequalValues, waits, lookedFor, leftOut}: Rules): string[] {
  return [
    'Not compared as it stands:',
    ...unequal.map(({rpc, field, reason}) => `  ${rpc === '*' ? 'all' : rpc} ${field}: ${reason}`),
    ...unequalValues.map((rule) => `  ${rule}`),
    'Waited for:',
    ...waits.map(({what, ms, reason}) => `  ${what}: ${ms} ms: ${reason}`),
    ...lookedFor.map((rule) => `  ${rule}`),
    'Not asked:',
    ...leftOut.map(({what, reason}) => `  ${what}: ${reason}`),
  ];
}
