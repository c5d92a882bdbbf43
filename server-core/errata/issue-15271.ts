// server-core/errata/issue-15271.ts: a watch replays history after a received snapshot.
import {erratum} from './erratum.ts';

export const issue15271 = erratum({
  id: '15271',
  title: 'A watch replays history after a received snapshot',
  what: 'A watcher that was always served in time has forgotten how far it was told, and begins again where it became synced once a snapshot is installed.',
  ranges: [
    {from: '3.1.12', before: '3.2.0'},
    {from: '3.2.16', before: '3.3.0'},
    {from: '3.3.1', before: '3.4.25'},
    {from: '3.5.0', before: '3.5.8'},
  ],
  seam: 'watch: syncedAdvance',
  story: [
    'Events go to synced watchers straight from the write. Only a watcher whose stream was full had its next ' +
      'revision noted; a healthy one kept the revision at which it became synced.',
    'A member that fell behind gets a snapshot; its watchers then count as unsynced and are read their history ' +
      'from that old revision. Clients get events for the second time, and revisions that go backwards.',
    '3.4.25 and 3.5.8 note the next revision after every event.',
  ],
  sources: ['etcd-io/etcd#15271', 'etcd-io/etcd#15492', 'mvcc/watchable_store.go: watchableStore.notify, restore'],
});
