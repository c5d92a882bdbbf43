// A watch that waits for a later revision must not be told of earlier ones, also when its member gets a snapshot meanwhile.
import {LEFT_BEHIND, leaveBehind} from './left-behind.ts';
import type {ErratumSearch} from './search.ts';

export const search20221Events: ErratumSearch = {
  id: '20221-events',
  checks: ['watch-start-revision', 'watch-ordered'],
  lesson: 'a watch from a future revision waits at a follower that is cut off until it needs a snapshot',
  setting: () => LEFT_BEHIND,
  script: (lab) => {
    const putsMissed = lab.random.between(60, 90);
    const ahead = putsMissed + lab.random.between(10, 30);
    leaveBehind(lab, {
      putsBefore: lab.random.between(1, 10),
      putsSeen: 0,
      putsMissed,
      putsAfter: 50,
      watch: (revision) => ({key: 'k', rangeEnd: 'l', startRevision: revision + ahead}),
    });
  },
};
