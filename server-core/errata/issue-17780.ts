// server-core/errata/issue-17780.ts: the revision goes back after a crash in the compaction of a deletion.
import {erratum} from './erratum.ts';

export const issue17780 = erratum({
  id: '17780',
  title: 'The revision goes back after a crash in the compaction of a deletion',
  what: 'A compaction that removes the newest record, a deletion, and is cut off before its last mark leaves a store that begins at a lower revision.',
  ranges: [
    {from: '3.0.0', before: '3.4.32'},
    {from: '3.5.0', before: '3.5.14'},
  ],
  seam: 'mvcc: raisesRevisionToScheduledCompaction',
  story: [
    'A store does not keep its revision; at a start it takes the largest one among its records and the last ' +
      'finished compaction. A compaction up to the newest revision removes a deletion that stands there, batch by ' +
      'batch, and marks its end with the last batch.',
    'A crash in between leaves a file whose largest revision is smaller than what clients were told. The next ' +
      'writes use revisions a second time, and the compaction is refused as one of the future when it is resumed.',
    '3.4.32 and 3.5.14 begin no lower than the compaction that was scheduled.',
  ],
  sources: ['etcd-io/etcd#17780', 'etcd-io/etcd#17815', 'mvcc/kvstore.go: store.restore'],
});
