// A watch must not be told again what it was told before its member got a snapshot.
import {LEFT_BEHIND, leaveBehind} from './left-behind.ts';
import type {ErratumSearch} from './search.ts';

export const search15271: ErratumSearch = {
  id: '15271',
  checks: ['watch-ordered', 'watch-unique'],
  lesson: 'a client watches at a follower that is cut off until it needs a snapshot',
  setting: () => LEFT_BEHIND,
  script: (lab) =>
    leaveBehind(lab, {
      putsBefore: lab.random.between(1, 10),
      putsSeen: lab.random.between(5, 20),
      putsMissed: lab.random.between(60, 90),
      putsAfter: 5,
      watch: () => ({key: 'k', rangeEnd: 'l'}),
    }),
};
