// A transaction that is refused must be refused by every member.
import {compactionOf} from './requests.ts';
import type {ErratumSearch} from './search.ts';

export const search18667: ErratumSearch = {
  id: '18667',
  checks: ['linearizability', 'state-agreement', 'hash-equality'],
  lesson: 'a transaction writes and reads at a compacted or a future revision',
  setting: () => ({founderCount: 3}),
  script: (lab) => {
    lab.startFounders();
    const member = lab.random.pick(lab.founders);
    const puts = lab.random.between(3, 12);
    for (let i = 0; i < puts; i++) lab.put(0, member, `k${lab.random.below(3)}`);
    const isFuture = lab.random.below(2) === 0;
    const revision = isFuture ? puts + 1 + lab.random.between(1, 100) : 2;
    if (!isFuture) compactionOf(lab, member, puts + 1);
    lab.ask(1, member, {
      kind: 'txn',
      compare: [],
      success: [
        {kind: 'put', key: 'k0', value: lab.value()},
        {kind: 'range', key: 'k1', revision},
      ],
      failure: [],
    });
    for (const name of lab.founders) lab.ask(2, name, {kind: 'range', key: 'k0'});
    lab.put(0, member, 'k2');
  },
};
