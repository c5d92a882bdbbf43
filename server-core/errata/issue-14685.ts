// server-core/errata/issue-14685.ts: defragmentation commits data without its applied index.
import {erratum} from './erratum.ts';

export const issue14685 = erratum({
  id: '14685',
  title: 'Defragmentation commits data without its applied index',
  what: 'The commit that begins a defragmentation does not run the hook that stores the index of what it commits.',
  ranges: [{from: '3.5.0', before: '3.5.6'}],
  seam: 'schema: storesIndexBeforeDefrag',
  story: [
    'Defragmentation ends the open batch with the inner commit, and the hook that writes the consistent index sat ' +
      'in the outer one. The batch became durable together with an index from before it.',
    'A crash before the next ordinary commit makes the member apply those entries a second time: revisions run ' +
      'ahead of the peers, versions count twice, compare-and-swap of a replayed transaction fails.',
    '3.5.6 runs the hook in the inner commit.',
  ],
  sources: ['etcd-io/etcd#14685', 'etcd-io/etcd#14733', 'mvcc/backend: backend.defrag, batchTxBuffered.unsafeCommit'],
});
