// The oracle tool on directories made for the purpose: what it prints and how it exits.
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {runOracle} from './oracle.ts';

const GOOD = 'vote cfg=(1,2,3) votes=(y,y,_)\n----\nVoteWon\n';
const BAD = '# a wrong answer\nvote cfg=(1,2,3) votes=(y,n,_)\n----\nVoteWon\n';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oracle-'));
});
afterEach(() => rmSync(folder, {recursive: true}));

function write(name: string, text: string | Uint8Array): void {
  mkdirSync(join(folder, name, '..'), {recursive: true});
  writeFileSync(join(folder, name), text);
}

function run(...args: string[]): {readonly code: number; readonly lines: string[]} {
  const lines: string[] = [];
  return {code: runOracle(args, (line) => lines.push(line)), lines};
}

describe('oracle', () => {
  test('all passed', () => {
    write('quorum/a.txt', GOOD);
    write('deep/er/b.txt', GOOD);
    expect(run('raft', folder)).toEqual({code: 0, lines: ['2 passed, 0 failed']});
  });

  test('a wrong answer is shown with its place', () => {
    write('a.txt', GOOD);
    write('b.txt', BAD);
    const {code, lines} = run('raft', folder);
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
    expect(lines[0]).toContain(`FAIL ${join(folder, 'b.txt')}:4:`);
    expect(lines[0]).toContain('expected: VoteWon');
    expect(lines[0]).toContain('actual:   VotePending');
  });

  test.each([
    ['no arguments', [], 'usage'],
    ['an unknown suite', ['paxos', '.'], 'usage'],
    ['an unknown option', ['raft', '.', '--fix'], 'unknown option --fix'],
    ['a missing directory', ['raft', '/no/such/dir'], 'no such directory: /no/such/dir'],
  ])('%s', (_name, args, text) => {
    const {code, lines} = run(...args);
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(text);
  });

  test.each([
    ['cut off', 'vote cfg=(1'],
    ['binary', Uint8Array.of(0xff, 0xfe, 0, 1)],
    ['empty', ''],
    ['about a member that is not there', 'campaign 7\n----\nok\n'],
  ])('a file that is %s', (_name, content) => {
    write('a.txt', content);
    const {code, lines} = run('raft', folder);
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('a.txt');
  });

  test('an empty directory is no success', () => {
    expect(run('raft', folder)).toEqual({code: 2, lines: [`no files in ${folder}`]});
  });

  test('rewriting puts in what comes out now', () => {
    write('b.txt', BAD);
    expect(run('raft', folder, '--rewrite').code).toBe(0);
    expect(readFileSync(join(folder, 'b.txt'), 'utf8')).toBe(BAD.replace('VoteWon', 'VotePending'));
    expect(run('raft', folder)).toEqual({code: 0, lines: ['1 passed, 0 failed']});
  });

  test('the oracle itself is not rewritten', () => {
    write('quorum/a.txt', BAD);
    const before = process.env['ETCDSIM_ORACLES'];
    process.env['ETCDSIM_ORACLES'] = folder;
    try {
      const {code, lines} = run('raft', resolve(folder, 'quorum'), '--rewrite');
      expect(code).toBe(2);
      expect(lines[0]).toContain('belongs to the oracle');
    } finally {
      if (before === undefined) delete process.env['ETCDSIM_ORACLES'];
      else process.env['ETCDSIM_ORACLES'] = before;
    }
    expect(readFileSync(join(folder, 'quorum/a.txt'), 'utf8')).toBe(BAD);
  });
});
