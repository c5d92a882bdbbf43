// An acknowledged write must not be lost with the power of the only member.
import type {ErratumSearch} from './search.ts';

export const search14370: ErratumSearch = {
  id: '14370',
  checks: ['linearizability', 'durability', 'state-agreement', 'leader-completeness'],
  lesson: 'one member on a slow disk takes puts, and its power fails at any time',
  setting: () => ({founderCount: 1, disk: {syncUsMin: 2_000, syncUsMax: 12_000}}),
  script: (lab) => {
    lab.startFounders();
    for (let life = 0; life < 3; life++) {
      let goesOn = true;
      const draw = () => ({kind: 'put', key: `k${lab.random.below(4)}`, value: lab.value()}) as const;
      lab.traffic(0, 'm1', draw, () => goesOn);
      lab.pass(lab.random.between(50_000, 400_000));
      goesOn = false;
      lab.powerOff('m1');
      lab.pass(100_000);
      lab.start('m1');
      lab.mustCome(() => lab.isUp('m1'), 'm1 did not come back');
      lab.ask(1, 'm1', {kind: 'range', key: 'k', end: 'l'});
    }
  },
};
