// server-core/errata/issue-19557.ts: a promotion does not reach the database, and 3.6 takes voters for learners.
import {erratum} from './erratum.ts';

export const issue19557 = erratum({
  id: '19557',
  title: 'A promotion does not reach the database, and 3.6 takes voters for learners',
  what: 'A member that the backend knows is never written again, so a promoted learner stays a learner there.',
  ranges: [{from: '3.5.1', before: '3.5.20'}],
  seam: 'membership: backendKeepsFirstRecord',
  story: [
    'From 3.5.1 a member is not written to the backend when its key is there, and nobody looks at the refusal. A ' +
      'promotion changes a member that is there: the v2 store and the list in memory follow, the backend keeps the ' +
      'learner.',
    '3.5 never reads that copy, so nothing shows. 3.6 begins with it: voters of raft are learners in the list of ' +
      'members. One of them answers no clients any more; with two the member does not start: too many learner ' +
      'members in cluster.',
    '3.5.20 writes the record again. What was written before heals when a member publishes itself to one that ' +
      'runs 3.5.20 or newer, so an upgrade goes through there first.',
  ],
  sources: [
    'etcd-io/etcd#19557',
    'etcd-io/etcd#18347',
    'etcd-io/etcd#19563',
    'membership/store.go: mustSaveMemberToBackend',
  ],
});
