// A user's mistake gets one line that names the place and the way out, and exit code 2; a finding gets 1; nothing else ends up there.
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {describe, expect, test} from 'vitest';
import {decodeRunRecord} from '../history/run-record.ts';

const PROGRAM = resolve(import.meta.dirname, '../bin/etcdsim');
const folder = mkdtempSync(join(tmpdir(), 'etcdsim-'));

function etcdsim(args: readonly string[], {cwd = folder, program = PROGRAM} = {}) {
  const {status, stdout, stderr} = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: {...process.env, NO_COLOR: '1'},
  });
  return {status, stdout, stderr};
}

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const jepsen = (lines: readonly string[]) => lines.map((line) => `INFO  jepsen.util - ${line}\n`).join('');

test.each([
  [['run', 'swam'], "unknown scenario 'swam'; nearest: swarm"],
  [['run', 'healthy', '--seed', 'x'], '--seed x: a seed is a whole number'],
  [['run', 'healthy', '--seed', '99999999999999999999'], 'a seed is a whole number from 0 to 9007199254740991'],
  [['run', 'healthy', '--seeds', '9..3'], 'the last seed is below the first'],
  [['run', 'healthy', '--seeds', '1..2', '--seed', '1'], 'give --seed or --seeds, not both'],
  [['run', 'healthy', '--plant', 'weed'], "unknown plant 'weed'; there are ack-before-fsync"],
  [['run', 'healthy', '--set', 'traffic.nothing=1'], "the plan has no 'nothing' there"],
  [['run', 'healthy', '--set', 'traffic'], 'write it as path=value'],
  [['run', 'healthy', '--for', '5 minutes'], '--for 5 minutes: takes a duration such as 500ms'],
  [['run', 'healthy', '--release', '9.9.9'], "--release: there is no etcd release '9.9.9'; the nearest is 3.7."],
  [['run'], "name a scenario, 'all', or a plan with --plan"],
  [['run', '--plan', file('two-lines.json', '# a\nb')], 'two-lines.json: not JSON: '],
  [['run', '--plan', file('no-plan.json', '{"planVersion":1}')], 'no-plan.json: '],
  [['run', '--plan', 'no-such-file.json'], 'no-such-file.json: cannot read it'],
  [['run', 'healthy', '--release', '0.4.6'], '0.4.6 is a release, but its minor is not played'],
  [['run', 'healthy', '--set', 'cluster.release="3.5.99"'], "there is no etcd release '3.5.99'; the nearest is 3.5.33"],
  [['run', 'healthy', '--jobs', '0'], '--jobs 0: takes a whole number from 1'],
  [['replay', 'nothing.json'], 'nothing.json: cannot read it: there is no such file'],
  [['replay', file('text.json', 'hello')], 'text.json: not JSON'],
  [['replay', file('other.json', '{"format":"x"}')], '"format" must be "etcdsim-run"'],
  [['check', 'nothing.log'], 'nothing.log: there is no such file or folder'],
  [['check', folder, '--format', 'edn'], '--format edn: takes one of auto, jepsen'],
  [['check', file('empty.log', '')], 'empty.log: line 1: empty file'],
  [['check', file('binary.log', new Uint8Array([0, 1, 2, 255, 10, 7]))], 'line 1: binary content'],
  [['check', file('cut.log', jepsen(['0\t:invoke\t:read\tnil', '0\t:ok\t:re']).slice(0, -1))], 'line 2:'],
  [['check', file('orphan.log', jepsen(['0\t:invoke\t:read\tnil', '1\t:ok\t:read\t3']))], 'line 2:'],
  [['check', file('type.log', jepsen(['0\t:invoke\t:write\tabc']))], 'line 1:'],
  [['report', file('half.json', '{"format":"etcdsim-run","formatVersion":1')], 'half.json: not JSON'],
])('etcdsim %j', (args, message) => {
  const {status, stdout, stderr} = etcdsim(args);
  expect(stderr).toContain(message);
  expect([status, stdout, stderr.trim().split('\n').length]).toEqual([2, '', 1]);
  expect(stderr).toMatch(/^etcdsim: /);
});

test.each([
  [['replay'], 'missing required argument'],
  [['run', 'healthy', '--members', '4'], 'Allowed choices are 1, 3, 5'],
  [['run', 'healthy', '--nonsense'], 'unknown option'],
  [['dance'], 'unknown command'],
])('bad usage: etcdsim %j', (args, message) => {
  const {status, stderr} = etcdsim(args);
  expect([status, stderr.includes(message), stderr.includes('    at ')]).toEqual([2, true, false]);
});

test.each(['run', 'scenarios', 'replay', 'check', 'report'])('%s --help has an example', (command) => {
  const {status, stdout} = etcdsim([command, '--help']);
  expect([status, stdout.includes('Example: etcdsim')]).toEqual([0, true]);
});

test("a plan of one's own: its steps are carried out, and the line to run it again names its file", () => {
  const shown = etcdsim(['scenarios', 'show', 'rolling-upgrade', '--path', '3.5.19,3.6.14', '--json']);
  const {plan} = JSON.parse(shown.stdout);
  const steps = [
    {kind: 'wait-healthy'},
    {kind: 'downgrade', action: 'cancel', to: '3.5', refused: 'nothing refuses it'},
  ];
  const own = file('own.json', JSON.stringify({plan: {...plan, faults: [], steps}}));
  const {status, stdout} = etcdsim(['run', '--plan', own, '--seed', '3']);
  expect(status).toBe(1);
  expect(stdout).toMatch(/cluster-life at .*step 1 \(downgrade cancel 3\.5\)/);
  expect(stdout).toContain(`again: bin/etcdsim run --seed 3 --plan ${own}`);
  const unknown = file('unknown.json', JSON.stringify({...plan, steps: [{kind: 'stop', member: 'm9'}]}));
  expect(etcdsim(['run', '--plan', unknown])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no member m9'),
  });
  expect(etcdsim(['run', 'healthy', '--plan', own]).stderr).toBe('etcdsim: give a scenario or --plan, not both\n');
});

describe('runs', () => {
  test('--json is one record, and a replay of it gives the same digest', () => {
    const {status, stdout} = etcdsim(['run', 'healthy', '--seed', '1', '--for', '2s', '--json']);
    const record = decodeRunRecord(stdout, 'standard output');
    expect([status, record.verdict, record.plan['safetyUs']]).toEqual([0, 'ok', 2_000_000]);
    const path = file('run.json', stdout);
    const again = etcdsim(['replay', path]);
    expect([again.status, again.stdout.includes(`digest ${record.digest}, as recorded`)]).toEqual([0, true]);
    const part = etcdsim(['replay', path, '--until-event', '1000', '--trace']);
    expect(part.stdout).toContain('stopped behind event 1000');
    expect(part.stdout.split('\n').length).toBeGreaterThan(100);
  });

  test('a planted defect is found: exit code 1, the line that shows it again, record and page', () => {
    const {status, stdout} = etcdsim(['run', 'healthy', '--seed', '1', '--plant', 'stale-read', '--out', 'found']);
    expect(status).toBe(1);
    expect(stdout).toContain('again: bin/etcdsim run healthy --seed 1 --plant stale-read');
    const record = decodeRunRecord(readFileSync(join(folder, 'found/healthy-1-stale-read/run.json'), 'utf8'), 'record');
    expect(record.findings[0]?.check).toBe('linearizability');
    expect(readFileSync(join(folder, 'found/healthy-1-stale-read/run.html'), 'utf8')).toContain('<!doctype html>');
    expect(etcdsim(['check', 'found/healthy-1-stale-read/run.json']).status).toBe(1);
    const changed = ['--plant', 'stale-read', '--set', 'traffic.keyCount=2', '--out', 'changed'];
    const line = 'bin/etcdsim run healthy --seed 1 --plant stale-read --set traffic.keyCount=2';
    expect(etcdsim(['run', 'healthy', '--seed', '1', ...changed]).stdout).toContain(`again: ${line}`);
    expect(readFileSync(join(folder, 'changed/healthy-1-stale-read/run.html'), 'utf8')).toContain(line);
  });

  test('one and two threads give the same digests, from any directory and through a link', () => {
    const args = ['run', 'healthy', 'swarm', '--seeds', '1..2', '--for', '2s', '--digests'];
    const link = join(folder, 'linked');
    symlinkSync(PROGRAM, link);
    const digests = (text: string) => text.split('\n').filter((line) => /^\w+ \d+ [0-9a-f]{16}$/.test(line));
    const one = digests(etcdsim([...args, '--jobs', '1']).stdout);
    const two = digests(etcdsim([...args, '--jobs', '2'], {cwd: '/', program: link}).stdout);
    expect([one.length, two]).toEqual([4, one]);
  });

  test('JUnit tells suites, failures and the way back', () => {
    const junit = join(folder, 'deep/junit.xml');
    const {status} = etcdsim([
      'run',
      'healthy',
      '--seeds',
      '1..2',
      '--plant',
      'stale-read',
      '--junit',
      junit,
      '--out',
      'j',
    ]);
    const xml = readFileSync(junit, 'utf8');
    expect(status).toBe(1);
    expect(xml).toMatch(/<testsuite name="healthy" tests="\d+" failures="[12]"/);
    expect(xml).toContain('--plant stale-read</failure>');
  });

  test('a folder that cannot be written is a mistake of the user, and is named', () => {
    mkdirSync(join(folder, 'taken'));
    const {status, stderr} = etcdsim([
      'report',
      file('x.json', etcdsim(['run', 'healthy', '--seed', '1', '--for', '1s', '--json']).stdout),
      '--out',
      'taken',
    ]);
    expect([status, stderr.includes('taken')]).toEqual([2, true]);
  });
});
