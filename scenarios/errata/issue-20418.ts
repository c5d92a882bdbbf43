// A leader that was deposed must not answer a linearizable read from its old state, whatever late answers reach it.
import {must} from '../../base/assert.ts';
import type {ErratumSearch} from './search.ts';

export const search20418: ErratumSearch = {
  id: '20418',
  checks: ['linearizability'],
  lesson:
    'a follower asks for a read index twice, the leader is cut off and stopped in between, and answers to the first round come late',
  setting: () => ({founderCount: 3, link: {latencyUsMin: 5_000, latencyUsSpread: 1_000, tailOneIn: 0}}),
  script: (lab) => {
    const {random, world} = lab;
    lab.startFounders();
    const old = must(lab.leader(), 'a cluster that is up has a leader');
    const asking = lab.follower();
    const late = must(
      lab.founders.find((name) => name !== old && name !== asking),
      'there are three members',
    );
    lab.put(0, asking, 'k');
    lab.mustCome(() => lab.settle(), 'the members did not come to rest');
    lab.pass(random.below(1_000_000));
    // The other follower's answers are on their way for long.
    const lateCut = world.network.cut([[late, old]]);
    lab.begin(1, asking, {kind: 'range', key: 'k'});
    // The leader is cut off once the asking follower has confirmed it, and before it reads so.
    lab.pass(random.between(18_000, 32_000));
    const askingCut = world.network.cut([[asking, old]]);
    const outCut = world.network.cut([
      [old, asking],
      [old, late],
    ]);
    world.machine(old).pause();
    // After 500 ms the follower asks again; later the two others elect a leader, which takes a write.
    lab.mustCome(() => lab.leader() !== old, 'nobody else was elected');
    lab.put(2, must(lab.leader(), 'there is a leader'), 'k');
    world.machine(old).resume();
    const read = lab.begin(3, old, {kind: 'range', key: 'k'});
    lab.pass(random.between(8_000, 20_000));
    // The second copy comes behind the new read, and the late answers behind that.
    askingCut.lift();
    lab.pass(random.between(4_000, 12_000));
    lateCut.lift();
    lab.pass(random.between(20_000, 200_000));
    outCut.lift();
    lab.mustCome(() => read.outcome !== undefined, 'the read was not answered');
  },
};
