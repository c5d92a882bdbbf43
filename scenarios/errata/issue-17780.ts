// A store must not come up at a lower revision than it has told its clients.
import type {KvStep} from '../../history/operation.ts';
import {serverBehaviours} from '../../server-core/server/behaviours.ts';
import {compactionOf} from './requests.ts';
import type {ErratumSearch} from './search.ts';

/** --max-txn-ops. */
const OPERATIONS_MAX = 128;

export const search17780: ErratumSearch = {
  id: '17780',
  checks: ['linearizability', 'revisions', 'state-agreement', 'durability'],
  lesson:
    'the newest record is a deletion, a compaction removes it with a full batch, and the member dies before the last mark',
  setting: () => ({founderCount: 1}),
  script: (lab) => {
    lab.startFounders();
    // As many records as one batch of the compaction has, so that it commits them and then looks for more.
    const {compactionBatch, compactionPauseUs} = serverBehaviours(lab.release);
    let revision = 1;
    for (let left = compactionBatch - 1; left > 0; revision++) {
      const count = Math.min(left, OPERATIONS_MAX);
      left -= count;
      const success: KvStep[] = [];
      for (let i = 0; i < count; i++) success.push({kind: 'put', key: `k${i}`, value: lab.value()});
      lab.ask(0, 'm1', {kind: 'txn', compare: [], success, failure: []});
    }
    lab.ask(0, 'm1', {kind: 'delete-range', key: `k${lab.random.below(OPERATIONS_MAX / 2)}`});
    revision++;
    lab.pass(lab.random.between(0, 300_000));
    compactionOf(lab, 'm1', revision);
    lab.pass(lab.random.below(compactionPauseUs * 2));
    lab.kill('m1');
    lab.pass(100_000);
    lab.start('m1');
    lab.mustCome(() => lab.isUp('m1'), 'm1 did not come back');
    lab.ask(1, 'm1', {kind: 'range', key: 'k', end: 'l', countOnly: true});
    lab.put(1, 'm1', 'k0');
    lab.ask(1, 'm1', {kind: 'range', key: 'k0'});
  },
};
