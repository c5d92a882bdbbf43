import {describe, expect, test, vi} from 'vitest';
import {findRealBinaries} from '../live/testing/real-binaries.ts';
import {type CompareGiven, compareCommand} from './compare-command.ts';

describe('bad input is refused in one line', () => {
  test.each<[CompareGiven, string]>([
    [{}, '--etcd is missing'],
    [{etcd: '/nowhere'}, 'there is no such file or folder'],
    [{etcd: '/bin/true', members: '2'}, '--members 2: takes 1 or 3'],
    [{etcd: '/bin/true', members: '4'}, '--members 4'],
    [{etcd: '/bin/true', ops: '0'}, '--ops 0'],
    [{etcd: '/bin/true', seed: 'x'}, '--seed x'],
    [{etcd: '/bin/true', seed: '1', seeds: '1..2'}, 'not both'],
    [{etcd: '/bin/true', seed: '1'}, 'does not name a release'],
  ])('%o', async (given, reason) => {
    await expect(compareCommand(given)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(reason),
    });
  });
});

/** What the command printed, and its exit code. */
async function outputOf(given: CompareGiven): Promise<{code: number; text: string}> {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    return {code: await compareCommand(given), text: lines.join('\n')};
  } finally {
    log.mockRestore();
  }
}

test('--rules lists what is not compared and not asked', async () => {
  const {code, text} = await outputOf({rules: true});
  expect(code).toBe(0);
  expect(text).toContain('raft_term');
  expect(text).toContain('adding a voter to a cluster of one');
  expect(text).toContain('Compact behind a watch in the past: 130 ms');
});

test('--rules --json has every rule that the text has, and no other', async () => {
  const [{code, text}, {text: paper}] = [await outputOf({rules: true, json: true}), await outputOf({rules: true})];
  expect(code).toBe(0);
  const rules = JSON.parse(text) as Readonly<Record<string, readonly (string | {readonly reason: string})[]>>;
  expect(Object.keys(rules)).toEqual(['unequal', 'unequalValues', 'waits', 'lookedFor', 'leftOut']);
  const reasons = Object.values(rules).flatMap((list) =>
    list.map((rule) => (typeof rule === 'string' ? rule : rule.reason)),
  );
  expect(reasons.filter((reason) => !paper.includes(reason))).toEqual([]);
  expect(reasons.length).toBe(paper.split('\n').length - 3);
});

describe.each([...findRealBinaries()])('etcd %s', (_release, path) => {
  test.each(['1', '3'])('%s member(s): equal, and the table says so', async (members) => {
    const {code, text} = await outputOf({etcd: path, members, seed: '12', ops: '150', shrink: false});
    expect(text).toContain('no difference');
    expect(code).toBe(0);
  });
});
