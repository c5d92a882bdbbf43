// server-core/raft/lab/runners.ts: which lab runs a file, told by its commands, or by its folder where they do not tell.
import {InputError} from '../../../base/input-error.ts';
import {makeConfChangeRunner} from './confchange-lab.ts';
import type {Command, Difference} from './data-driven.ts';
import {parseDataDriven, rewriteDataDriven, runCommands} from './data-driven.ts';
import {makeInteractionRunner} from './lab-commands.ts';
import {makeQuorumRunner} from './quorum-lab.ts';

export type SuiteKind = 'interaction' | 'confchange' | 'quorum';

const RUNNERS: Readonly<Record<SuiteKind, () => (command: Command) => string>> = {
  interaction: makeInteractionRunner,
  confchange: makeConfChangeRunner,
  quorum: makeQuorumRunner,
};

const CONFCHANGE_COMMANDS: ReadonlySet<string> = new Set(['simple', 'enter-joint', 'leave-joint']);
const QUORUM_COMMANDS: ReadonlySet<string> = new Set(['committed', 'vote']);

/** The kind of suite a file belongs to. `path` is looked at only when the commands are of no known kind. */
export function suiteKindOf(path: string, commands: readonly Command[]): SuiteKind {
  const first = commands[0]?.name ?? '';
  if (CONFCHANGE_COMMANDS.has(first)) return 'confchange';
  if (QUORUM_COMMANDS.has(first)) return 'quorum';
  const folder = path.split(/[\\/]/).at(-2);
  return folder === 'confchange' || folder === 'quorum' ? folder : 'interaction';
}

/** Runs one file's text. Undefined: every output is as expected. Throws InputError for a file that is none. */
export function runSuiteFile(path: string, text: string): Difference | undefined {
  const commands = parseSuiteFile(path, text);
  return runCommands(commands, RUNNERS[suiteKindOf(path, commands)]());
}

/** The file's text with the outputs that the commands have now. Throws InputError. */
export function rewriteSuiteFile(path: string, text: string): string {
  const commands = parseSuiteFile(path, text);
  return rewriteDataDriven(text, commands, RUNNERS[suiteKindOf(path, commands)]());
}

function parseSuiteFile(path: string, text: string): Command[] {
  const commands = parseDataDriven(path, text);
  if (commands.length === 0) throw new InputError(`${path}: no commands in it`);
  return commands;
}

/** A difference in three lines: where, what was expected, what came. */
export function describeDifference(path: string, {line, command, expected, actual}: Difference): string {
  const show = (text: string | undefined): string => (text === undefined ? '<nothing more>' : text);
  return (
    `${path}:${line}: output of '${command.name}' (line ${command.line}) differs\n` +
    `  expected: ${show(expected)}\n  actual:   ${show(actual)}`
  );
}
