// A member that dies must not take an entry for applied that it has not written.
import {compactionOf} from './requests.ts';
import type {ErratumSearch} from './search.ts';

const LIVES = 6;

export const search13766: ErratumSearch = {
  id: '13766',
  checks: ['linearizability', 'state-agreement', 'durability'],
  lesson: 'batches are committed often, compactions run beside the writes, and members die at any time',
  setting: () => ({
    founderCount: 3,
    options: {backendBatchIntervalMs: 10},
    disk: {syncUsMin: 1_000, syncUsMax: 4_000},
    link: {latencyUsMin: 50, latencyUsSpread: 50},
  }),
  script: (lab) => {
    lab.startFounders();
    for (let life = 0; life < LIVES; life++) {
      const victim = lab.random.pick(lab.founders);
      const others = lab.founders.filter((name) => name !== victim);
      let goesOn = true;
      const draw = () => ({kind: 'put', key: `k${lab.random.below(4)}`, value: lab.value()}) as const;
      for (const client of [0, 1, 2]) lab.traffic(client, others[client % 2] ?? victim, draw, () => goesOn);
      const endUs = lab.world.nowUs + lab.random.between(100_000, 300_000);
      while (lab.world.nowUs < endUs) {
        lab.pass(lab.random.between(1_000, 10_000));
        compactionOf(lab, others[0] ?? victim, lab.server(others[0] ?? victim).applier.store.currentRevision);
      }
      lab.kill(victim);
      lab.pass(20_000);
      goesOn = false;
      lab.start(victim);
      lab.mustCome(() => lab.isUp(victim) && lab.isAtRest(), `${victim} did not come back`);
    }
  },
};
