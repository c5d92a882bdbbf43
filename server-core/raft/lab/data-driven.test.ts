// Files of commands and outputs: reading, comparing, rewriting; and that differences and damage are seen.
import {describe, expect, test} from 'vitest';
import {InputError} from '../../../base/input-error.ts';
import {parseDataDriven, rewriteDataDriven, runCommands} from './data-driven.ts';
import {describeDifference, rewriteSuiteFile, runSuiteFile, suiteKindOf} from './runners.ts';

const TEXT = `# a comment

first a b=1 c=(x, y,(z)) \\
  d
some input
----
one
two

second
----
----
before

after
----
----

third
----
`;

describe('reading', () => {
  test('commands, arguments, input and both forms of output', () => {
    const commands = parseDataDriven('f', TEXT);
    expect(commands.map(({name, line}) => [name, line])).toEqual([
      ['first', 3],
      ['second', 10],
      ['third', 19],
    ]);
    expect(commands[0]?.args).toEqual([
      {key: 'a', values: []},
      {key: 'b', values: ['1']},
      {key: 'c', values: ['x', 'y', '(z)']},
      {key: 'd', values: []},
    ]);
    expect(commands.map(({input}) => input)).toEqual(['some input', '', '']);
    expect(commands.map(({expected}) => expected)).toEqual(['one\ntwo\n', 'before\n\nafter\n', '']);
  });

  test.each([
    ['a command without output', 'cmd\ninput', 'f:1'],
    ['a doubled separator without end', 'cmd\n----\n----\nx\n', 'f:3'],
    ['text behind a doubled separator', 'cmd\n----\n----\nx\n----\n----\nmore\n', 'f:7'],
    ['an open parenthesis', '\ncmd a=(1,2\n----\n', 'f:2'],
    ['an argument without key', 'cmd =1\n----\n', 'f:1'],
    ['binary data', 'cmd\0\n', 'f'],
  ])('%s is refused with its place', (_name, text, place) => {
    expect(() => parseDataDriven('f', text)).toThrow(InputError);
    expect(() => parseDataDriven('f', text)).toThrow(`${place}:`);
  });
});

describe('running', () => {
  const commands = parseDataDriven('f', TEXT);
  const outputs: Readonly<Record<string, string>> = {first: 'one\ntwo', second: 'before\n\nafter\n', third: ''};

  test('equal outputs pass, with or without a last line end', () => {
    expect(runCommands(commands, ({name}) => outputs[name] as string)).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, string>>, string, string, string]>([
    ['another line', {first: 'one\n2\n'}, 'f:8', 'two', '2'],
    ['a line too few', {first: 'one\n'}, 'f:8', 'two', '<nothing more>'],
    ['a line too many', {first: 'one\ntwo\nthree\n'}, 'f:9', '<nothing more>', 'three'],
    ['a difference behind a blank line', {second: 'before\n\nAfter\n'}, 'f:15', 'after', 'After'],
  ])('%s is found at its place', (_name, change, place, expected, actual) => {
    const difference = runCommands(commands, ({name}) => ({...outputs, ...change})[name] as string);
    const text = difference === undefined ? '' : describeDifference('f', difference);
    expect(text).toContain(`${place}:`);
    expect(text).toContain(`expected: ${expected}\n`);
    expect(text.endsWith(`actual:   ${actual}`)).toBe(true);
  });

  test('rewriting with the same outputs changes nothing, and with others only them', () => {
    expect(rewriteDataDriven(TEXT, commands, ({name}) => outputs[name] as string)).toBe(TEXT);
    const rewritten = rewriteDataDriven(TEXT, commands, ({name}) => (name === 'first' ? 'a\n\nb' : 'c'));
    expect(parseDataDriven('f', rewritten).map(({expected}) => expected)).toEqual(['a\n\nb\n', 'c\n', 'c\n']);
    expect(rewritten).toContain('# a comment');
    expect(
      rewriteDataDriven(rewritten, parseDataDriven('f', rewritten), ({name}) => (name === 'first' ? 'a\n\nb' : 'c')),
    ).toBe(rewritten);
  });
});

describe('suites', () => {
  test.each([
    ['x/f.txt', 'vote cfg=(1) votes=(y)\n----\nVoteWon\n', 'quorum'],
    ['x/f.txt', 'simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=1\n', 'confchange'],
    ['x/f.txt', 'log-level none\n----\nok\n', 'interaction'],
  ])('%s: %j belongs to %s', (path, text, kind) => {
    expect(suiteKindOf(path, parseDataDriven(path, text))).toBe(kind);
    expect(runSuiteFile(path, text)).toBeUndefined();
    expect(rewriteSuiteFile(path, text)).toBe(text);
    expect(runSuiteFile(path, text.replace(/----\n.*/, '----\nsomething else'))).toBeDefined();
  });

  test('an unknown command and a member that is not there are told', () => {
    expect(runSuiteFile('f', 'no-such-thing\n----\nunknown command\n')).toBeUndefined();
    expect(() => runSuiteFile('f', 'campaign 1\n----\nok\n')).toThrow(InputError);
    expect(() => runSuiteFile('f', '# nothing\n')).toThrow(InputError);
  });

  test('a member that panics is shown', () => {
    const text = `add-nodes 1 voters=(1) index=2
----
INFO 1 switched to configuration voters=(1)
INFO 1 became follower at term 0
INFO newRaft 1 [peers: [1], term: 0, commit: 2, applied: 2, lastindex: 2, lastterm: 1]

campaign 1
----
INFO 1 is starting a new election at term 0
INFO 1 became candidate at term 1

stabilize log-level=none
----
ok

propose-conf-change 1
r1
----
ok

stabilize log-level=none
----
panic: removed all voters {"change":{"transition":"ConfChangeTransitionAuto","changes":[{"type":"ConfChangeRemoveNode","nodeId":"0000000000000001"}]}}
`;
    expect(runSuiteFile('f', text)).toBeUndefined();
  });
});
