// live/upgrade/last-words.ts: why a process of etcd ended, as its log says it: one sentence without the logger's trappings, so that it can be
// held against what a simulated member says. Loggers: capnslog (3.3 and the default of 3.4) and zap's JSON (3.5 on).
import {fieldsOf, textOf} from '../compare/book.ts';
import type {Plain} from '../rpc/codec.ts';

const ENDING = /^panic:|^fatal error:|"level":"(panic|fatal)"| [CF] \| /;
const CAPNSLOG = /^\S+ \S+ [A-Z] \| (?:[\w/.-]+: )?(.*)$/;
const SIMULATED = /^[\w -]+: ServerEnded: (.*)$/s;
const LINE_SIZE_MAX = 1_000;

/** The line that gives the reason: Go writes it first and then a page of stack. The last line where there is none of that kind. */
export function lastWordsIn(log: string): string {
  const lines = log.trim().split('\n');
  return (lines.find((line) => ENDING.test(line)) ?? lines.at(-1) ?? '').slice(0, LINE_SIZE_MAX);
}

/** The sentence in such a line, or in what a simulated process ends with. */
export function reasonIn(line: string): string {
  const zap = /^\{/.test(line) ? zapFields(line) : undefined;
  if (zap !== undefined) return zap;
  return (CAPNSLOG.exec(line)?.[1] ?? SIMULATED.exec(line)?.[1] ?? line.replace(/^panic: /, '')).trim();
}

/** etcd's main logs `discovery failed` for every error of a start, and the error beside it. The stack may have cut the line short. */
function zapFields(line: string): string | undefined {
  const whole = line.endsWith('}') ? line : line.replace(/,"stacktrace":.*$/, '}');
  try {
    const {msg = '', error = ''} = fieldsOf(JSON.parse(whole) as Plain) ?? {};
    return textOf(error) || textOf(msg);
  } catch {
    return undefined;
  }
}
