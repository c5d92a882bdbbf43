// server-core/raft/lab/data-driven.ts: files of commands with the output each must have.
// The form is that of cockroachdb/datadriven: a line 'command arg key=value key=(a,b)', lines of input, '----', the expected
// output up to a blank line; or, between two doubled '----', output with blank lines in it. '#' begins a comment.
// Promise: pure text in, verdicts out; a file that cannot be read as such gives InputError with its line.
import {InputError} from '../../../base/input-error.ts';

/** One argument: a bare key has no values. */
export interface CommandArg {
  readonly key: string;
  readonly values: readonly string[];
}

/** One command of a file. Lines count from 1. */
export interface Command {
  readonly line: number;
  readonly name: string;
  readonly args: readonly CommandArg[];
  readonly input: string;
  readonly expected: string;
  /** Where the expected output begins and where it ends (the line behind it), for messages and for rewriting. */
  readonly expectedLine: number;
  readonly separatorLine: number;
  readonly endLine: number;
}

/** The first output that differs from what is expected, by its first differing line. */
export interface Difference {
  readonly command: Command;
  readonly line: number;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

const SEPARATOR = '----';

/** Reads a file. `name` is for messages. Throws InputError. */
export function parseDataDriven(name: string, text: string): Command[] {
  if (text.includes('\0')) throw new InputError(`${name}: not a text file`);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const commands: Command[] = [];
  let at = 0;
  while (at < lines.length) {
    const start = at;
    let line = (lines[at++] as string).trim();
    if (line === '' || line.startsWith('#')) continue;
    while (line.endsWith('\\') && at < lines.length) line = `${line.slice(0, -1)} ${(lines[at++] as string).trim()}`;
    const {name: command, args} = parseCommandLine(name, start + 1, line);
    if (command === 'subtest') continue;
    const inputStart = at;
    while (at < lines.length && lines[at] !== SEPARATOR) at++;
    if (at === lines.length) throw new InputError(`${name}:${start + 1}: command without '${SEPARATOR}'`);
    const separatorLine = at + 1;
    const input = lines.slice(inputStart, at).join('\n').trim();
    const read = readExpected(name, lines, at + 1);
    at = read.next;
    commands.push({line: start + 1, name: command, args, input, separatorLine, endLine: at + 1, ...read});
  }
  return commands;
}

interface ExpectedOutput {
  readonly expected: string;
  readonly expectedLine: number;
  readonly next: number;
}

function readExpected(name: string, lines: readonly string[], from: number): ExpectedOutput {
  let at = from;
  if (lines[at] !== SEPARATOR) {
    while (at < lines.length && (lines[at] as string).trim() !== '') at++;
    return {expected: joined(lines.slice(from, at)), expectedLine: from + 1, next: at};
  }
  at++;
  const start = at;
  while (at < lines.length && !(lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR)) at++;
  if (at >= lines.length) throw new InputError(`${name}:${start}: doubled '${SEPARATOR}' that never ends`);
  const behind = lines[at + 2];
  if (behind !== undefined && behind !== '') {
    throw new InputError(`${name}:${at + 3}: non-blank line behind a doubled '${SEPARATOR}'`);
  }
  return {expected: joined(lines.slice(start, at)), expectedLine: start + 1, next: at + 2};
}

const joined = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);

/** 'name a b=c d=(e, f(g), h)'. Values in parentheses may contain parentheses. */
function parseCommandLine(file: string, line: number, text: string): {name: string; args: CommandArg[]} {
  const nameEnd = text.indexOf(' ');
  const name = nameEnd < 0 ? text : text.slice(0, nameEnd);
  const args: CommandArg[] = [];
  let at = nameEnd < 0 ? text.length : nameEnd;
  for (;;) {
    while (text[at] === ' ') at++;
    if (at >= text.length) return {name, args};
    const keyStart = at;
    while (at < text.length && text[at] !== ' ' && text[at] !== '=') at++;
    const key = text.slice(keyStart, at);
    if (key === '') throw new InputError(`${file}:${line}: cannot parse directive at column ${at + 1}: ${text}`);
    if (text[at] !== '=') {
      args.push({key, values: []});
      continue;
    }
    at++;
    if (text[at] === '(') {
      const list = parseList(text, at + 1);
      if (list === undefined) {
        throw new InputError(`${file}:${line}: cannot parse directive at column ${at + 1}: ${text}`);
      }
      args.push({key, values: list.values});
      at = list.next;
      continue;
    }
    const valueStart = at;
    while (at < text.length && text[at] !== ' ') at++;
    args.push({key, values: [text.slice(valueStart, at)]});
  }
}

function parseList(text: string, from: number): {values: string[]; next: number} | undefined {
  const values: string[] = [];
  let start = from;
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    if (depth === 0) {
      values.push(text.slice(start, at));
      return {values, next: at + 1};
    }
    if (char === ',' && depth === 1) {
      values.push(text.slice(start, at));
      while (text[at + 1] === ' ') at++;
      start = at + 1;
    }
  }
  return undefined;
}

/** Runs commands in order; what follows the first difference would only repeat it. Undefined: all as expected. */
export function runCommands(commands: readonly Command[], run: (command: Command) => string): Difference | undefined {
  for (const command of commands) {
    const actual = endLine(run(command));
    if (actual !== command.expected) return firstDifference(command, actual);
  }
  return undefined;
}

const endLine = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

function firstDifference(command: Command, actual: string): Difference {
  const expectedLines = command.expected.split('\n');
  const actualLines = actual.split('\n');
  let at = 0;
  while (expectedLines[at] === actualLines[at] && at < expectedLines.length) at++;
  const lineOf = (lines: readonly string[]): string | undefined => (at < lines.length - 1 ? lines[at] : undefined);
  return {
    command,
    line: command.expectedLine + at,
    expected: lineOf(expectedLines),
    actual: lineOf(actualLines),
  };
}

/** The same file with the output that the commands have now. */
export function rewriteDataDriven(
  text: string,
  commands: readonly Command[],
  run: (command: Command) => string,
): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const rewritten: string[] = [];
  let copied = 0;
  for (const command of commands) {
    rewritten.push(...lines.slice(copied, command.separatorLine - 1), SEPARATOR);
    const output = endLine(run(command));
    const outputLines = output === '' ? [] : output.slice(0, -1).split('\n');
    const doubled = outputLines.some((line) => line.trim() === '');
    if (doubled) rewritten.push(SEPARATOR, ...outputLines, SEPARATOR, SEPARATOR);
    else rewritten.push(...outputLines);
    copied = command.endLine - 1;
    if (lines[copied]?.trim() !== '' && copied < lines.length) rewritten.push('');
  }
  rewritten.push(...lines.slice(copied));
  return `${rewritten.join('\n')}\n`;
}

/** The values of an argument; empty if it is not there. */
export function argValues(command: Command, key: string): readonly string[] {
  return command.args.find((arg) => arg.key === key)?.values ?? [];
}

/** An argument with exactly one value; undefined if it is not there. */
export function argValue(command: Command, key: string): string | undefined {
  return argValues(command, key)[0];
}

/** A whole number given as an argument's value. Throws InputError. */
export function argNumber(command: Command, key: string): number {
  return parseNumber(command, argValue(command, key) ?? '', key);
}

/** The whole number `text`, or InputError that names the command. */
export function parseNumber(command: Command, text: string, what: string): number {
  if (!/^[0-9]+$/.test(text)) {
    throw new InputError(`line ${command.line}: ${command.name}: ${what} is not a number: '${text}'`);
  }
  return Number(text);
}

/** The bare arguments as numbers: the members a command is about. Throws InputError. */
export function bareNumbers(command: Command): number[] {
  return command.args.filter(({values}) => values.length === 0).map(({key}) => parseNumber(command, key, 'argument'));
}
