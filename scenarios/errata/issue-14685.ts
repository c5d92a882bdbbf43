// What a defragmentation has made durable must not be applied a second time.
import type {ErratumSearch} from './search.ts';

const LIVES = 4;

export const search14685: ErratumSearch = {
  id: '14685',
  checks: ['linearizability', 'state-agreement', 'durability'],
  lesson: 'a member under load is defragmented and dies meanwhile or soon after',
  setting: () => ({founderCount: 1}),
  script: (lab) => {
    lab.startFounders();
    for (let life = 0; life < LIVES; life++) {
      let goesOn = true;
      const draw = () => ({kind: 'put', key: `k${lab.random.below(4)}`, value: lab.value()}) as const;
      for (const client of [0, 1]) lab.traffic(client, 'm1', draw, () => goesOn);
      lab.pass(lab.random.between(50_000, 300_000));
      lab.beginCall(3, 'm1', '/etcdserverpb.Maintenance/Defragment', {});
      lab.pass(lab.random.between(500, 60_000));
      goesOn = false;
      lab.kill('m1');
      lab.pass(100_000);
      lab.start('m1');
      lab.mustCome(() => lab.isUp('m1'), 'm1 did not come back');
      lab.ask(2, 'm1', {kind: 'range', key: 'k', end: 'l'});
    }
  },
};
