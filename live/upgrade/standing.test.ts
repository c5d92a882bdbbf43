// What an operator knows of members without asking: who has a quorum, whom clients may ask, and which cluster version is to be waited for.
import {expect, test} from 'vitest';
import {Standing} from './standing.ts';

function three(release = '3.5.16'): Standing {
  const standing = new Standing();
  standing.found(['m1', 'm2', 'm3'], release);
  for (const name of standing.founders) standing.running.set(name, release);
  return standing;
}

test('a voter that was added counts against the quorum before it runs; a learner never does', () => {
  const standing = three();
  standing.running.delete('m3');
  expect(standing.hasQuorum).toBe(true);
  standing.add('m4', '3.5.16', true);
  expect(standing.hasQuorum).toBe(true);
  standing.learners.delete('m4');
  expect(standing.hasQuorum).toBe(false);
  standing.running.set('m4', '3.5.16');
  expect(standing.hasQuorum).toBe(true);
});

test('clients ask voters that run, in order of their numbers', () => {
  const standing = three();
  standing.add('m10', '3.5.16', false);
  standing.add('m4', '3.5.16', true);
  for (const name of ['m10', 'm4']) standing.running.set(name, '3.5.16');
  standing.remove('m2');
  expect(standing.serving).toEqual(['m1', 'm3', 'm10']);
});

test('the cluster version is that of the lowest member; while one is down it stays, and a job names it', () => {
  const standing = three('3.4.23');
  expect(standing.clusterVersionWanted).toBe('3.4.0');
  for (const name of ['m1', 'm2']) standing.running.set(name, '3.5.16');
  standing.running.delete('m3');
  expect(standing.clusterVersionWanted).toBeUndefined();
  standing.seenVersion = '3.4.0';
  expect(standing.clusterVersionWanted).toBe('3.4.0');
  standing.running.set('m3', '3.5.16');
  expect(standing.clusterVersionWanted).toBe('3.5.0');
  standing.job = '3.4';
  expect(standing.clusterVersionWanted).toBe('3.4.0');
});

test('a job ends when all members, and not only those that run, have come down', () => {
  const standing = three('3.5.16');
  standing.job = '3.5';
  standing.running.delete('m3');
  standing.endJobIfReached();
  expect(standing.job).toBe('3.5');
  standing.running.set('m3', '3.5.16');
  standing.endJobIfReached();
  expect(standing.job).toBeUndefined();
});

test('a cluster that begins anew has none of the members of before', () => {
  const standing = three();
  standing.add('m4', '3.5.16', true);
  standing.found(['m5'], '3.5.17');
  expect([...standing.members]).toEqual(['m5']);
  expect([standing.learners.size, standing.unstarted.size]).toEqual([0, 0]);
  expect([...standing.binaries.keys()]).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
});
