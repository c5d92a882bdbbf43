// server-core/errata/issue-18089.ts: compaction at the revision of a deletion removes its event.
import {erratum} from './erratum.ts';

export const issue18089 = erratum({
  id: '18089',
  title: 'Compaction at the revision of a deletion removes its event',
  what: 'A compaction at R drops a deletion at exactly R, although a watch may still begin there.',
  ranges: [
    {from: '3.0.0', before: '3.4.34'},
    {from: '3.5.0', before: '3.5.16'},
  ],
  seam: 'mvcc: keepsTombstoneAtCompaction',
  story: [
    'Compacting at R promises that R and everything newer can still be watched. The index took a key whose ' +
      'deletion stands at R for dead and had the record removed.',
    'A watch that begins at R, or goes on there after a broken connection, gets no event for the deletion and no ' +
      'error: a cache keeps a key that is gone.',
    '3.4.34 and 3.5.16 keep the deletion when its revision is that of the compaction.',
  ],
  sources: ['etcd-io/etcd#18089', 'etcd-io/etcd#18274', 'mvcc/key_index.go: keyIndex.compact'],
});
