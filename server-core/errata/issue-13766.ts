// server-core/errata/issue-13766.ts: the applied index is stored before the data it covers.
import {erratum} from './erratum.ts';

export const issue13766 = erratum({
  id: '13766',
  title: 'The applied index is stored before the data it covers',
  what: 'A commit by somebody else, between the moment an entry is announced and the moment it is written, stores an index that the data lags behind.',
  ranges: [{from: '3.5.0', before: '3.5.3'}],
  seam: 'schema: publishesIndex',
  story: [
    '3.5 moved the consistent index into a hook that runs before every commit of the backend. The apply loop told ' +
      'the hook of an entry before it had the lock of the batch. When the commit timer, a compaction or a full ' +
      'batch came in between, the file said that the entry was applied while its writes were still to come.',
    'A crash before the next commit loses the write for good: the restarted member takes the entry for applied ' +
      'and passes over it. It differs from its peers from then on, and nothing tells.',
    '3.5.3 tells the hook of an entry only when the apply loop holds the lock.',
  ],
  sources: [
    'etcd-io/etcd#13766',
    'etcd-io/etcd#13854',
    'etcd-io/etcd#13908',
    'etcdserver/server.go: EtcdServer.applyEntryNormal',
  ],
});
