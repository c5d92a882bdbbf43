// A watch from the compacted revision on must be told of the deletion that took place at it.
import {compactionOf} from './requests.ts';
import type {ErratumSearch} from './search.ts';

export const search18089: ErratumSearch = {
  id: '18089',
  checks: ['watch-resumable', 'watch-reliable'],
  lesson: 'a key is deleted, the store is compacted at that revision, and a watch begins there',
  setting: () => ({founderCount: 1}),
  script: (lab) => {
    lab.startFounders();
    const puts = lab.random.between(2, 20);
    const keys = new Set<string>();
    for (let i = 0; i < puts; i++) {
      const key = `k${lab.random.below(4)}`;
      keys.add(key);
      lab.put(0, 'm1', key);
    }
    lab.ask(0, 'm1', {kind: 'delete-range', key: lab.random.pick([...keys].sort())});
    const revision = puts + 2;
    const later = lab.random.below(3);
    for (let i = 0; i < later; i++) lab.put(0, 'm1', 'other');
    compactionOf(lab, 'm1', revision);
    lab.pass(lab.random.between(200_000, 600_000));
    lab.watch(1, 'm1', {key: 'k', rangeEnd: 'l', startRevision: revision});
    lab.pass(500_000);
    lab.put(0, 'm1', 'k0');
    lab.pass(500_000);
  },
};
