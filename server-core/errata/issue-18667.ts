// server-core/errata/issue-18667.ts: a range at a bad revision inside a transaction splits the members.
import {erratum} from './erratum.ts';

export const issue18667 = erratum({
  id: '18667',
  title: 'A range at a bad revision inside a transaction splits the members',
  what: 'Members on which nobody waits for the answer drop the ranges of a transaction, and with them the error that refuses it.',
  ranges: [{from: '3.1.0', before: '3.7.0'}],
  seam: 'server: stripsRangesOfForeignTxns',
  story: [
    'A range at a compacted or future revision refuses the whole transaction before anything is written. To save ' +
      'work, members that owe nobody an answer took the ranges out first, so there was nothing left to refuse, and ' +
      'the writes went through.',
    'The client reads an error from its own member, the others have the write. No race and no fault is needed; ' +
      'data, revisions and hashes differ from then on, and a restart of the first member may turn it round.',
    '3.7.0 keeps the ranges everywhere and checks them; 3.6 and older were left as they are.',
  ],
  sources: [
    'etcd-io/etcd#18667',
    'etcd-io/etcd#20454',
    'etcd-io/etcd#21432',
    'etcdserver/apply.go: removeNeedlessRangeReqs',
  ],
});
