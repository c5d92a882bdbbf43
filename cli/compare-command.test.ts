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

const [real34] = [...findRealBinaries()].filter(([release]) => release === '3.4.23');

describe.skipIf(real34 === undefined)('etcd 3.4.23 against a simulation of another release', () => {
  const path = real34?.[1] ?? '';
  const given: CompareGiven = {etcd: path, release: '3.5.16', seed: '3', ops: '12'};

  test('exit code 1, both answers, and the smallest sequence that shows the difference', async () => {
    const {code, text} = await outputOf(given);
    expect(code).toBe(1);
    expect(text).toContain('etcd 3.4.23 against a simulated 3.5.16');
    expect(text).toContain('real:  {"error":"12 unknown method AuthStatus for service etcdserverpb.Auth"}');
    expect(text).toContain('other: {"ok":{');
    expect(text).toMatch(/smallest sequence found \(\d+ tries\):\n {2}1\. call Auth\/AuthStatus .*\n(?! {2}2\.)/);
    expect(text).toContain(`again: etcdsim compare --etcd ${path} --release 3.5.16 --members 1 --seed 3 --ops 12`);
  });
  test('--json has the same in full', async () => {
    const {code, text} = await outputOf({...given, shrink: false, json: true});
    expect(code).toBe(1);
    expect(JSON.parse(text)).toMatchObject({
      equal: false,
      comparisons: [{release: '3.4.23', simulated: '3.5.16', differences: [{rpc: 'Auth/AuthStatus'}], minimal: null}],
    });
  });
  test.each<[CompareGiven, string]>([
    [{...given, release: '3.5.99'}, "--release: there is no etcd release '3.5.99'"],
    [{...given, self: true}, 'with --self nothing is simulated'],
  ])('%o is refused', async (refused, reason) => {
    await expect(compareCommand(refused)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(reason),
    });
  });
});
