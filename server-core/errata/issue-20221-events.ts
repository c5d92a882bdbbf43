// server-core/errata/issue-20221-events.ts: a watch of the future gets older events after a received snapshot.
import {erratum} from './erratum.ts';

export const issue20221Events = erratum({
  id: '20221-events',
  title: 'A watch of the future gets older events after a received snapshot',
  what: 'A watch that waits for a later revision is put back to the current one when its member installs a snapshot.',
  ranges: [
    {from: '3.1.16', before: '3.2.0'},
    {from: '3.2.21', before: '3.3.0'},
    {from: '3.3.6', before: '3.4.38'},
    {from: '3.5.0', before: '3.5.22'},
    {from: '3.6.0', before: '3.6.2'},
  ],
  seam: 'watch: restoreKeepsFuture',
  story: [
    'An installed snapshot puts every watcher among the unsynced ones, those that wait for a future revision too. ' +
      'The round that serves the unsynced sets each watcher behind the current revision, also where that is less ' +
      'than what was asked for.',
    'All events between the snapshot and the start are delivered, though the client asked for none of them; a ' +
      'client that resumes at a revision it has not seen from this member gets events twice.',
    '3.4.38, 3.5.22 and 3.6.2 never set a watcher back.',
  ],
  sources: ['etcd-io/etcd#20221', 'etcd-io/etcd#20281', 'mvcc/watchable_store.go: watchableStore.syncWatchers'],
});
