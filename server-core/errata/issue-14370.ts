// server-core/errata/issue-14370.ts: a single member acknowledges a write before its log is on disk.
import {erratum} from './erratum.ts';

export const issue14370 = erratum({
  id: '14370',
  title: 'A single member acknowledges a write before its log is on disk',
  what: 'With one voter an entry is committed, applied and answered while the WAL has not stored it yet.',
  ranges: [
    {from: '3.0.0', before: '3.4.21'},
    {from: '3.5.0', before: '3.5.5'},
  ],
  seam: 'server: soleVoterCommits',
  story: [
    'A lone voter is its own quorum, so raft called an entry committed as soon as the leader had appended it in ' +
      'memory. One Ready then named the same entry twice: to be stored, and to be applied. The server hands over ' +
      'what is committed before it stores, because a leader may overlap its own disk write with replication; the ' +
      'client had its answer before anything was on disk.',
    'A crash in between loses an acknowledged write: it is neither in the WAL nor, since batches are committed ' +
      'every 100 ms, in the backend. Clusters of several members were never affected.',
    '3.4.21 and 3.5.5 store such a Ready before they hand it over; from 3.6 raft commits nothing that its own ' +
      'storage has not confirmed.',
  ],
  sources: ['etcd-io/etcd#14370', 'etcd-io/etcd#14400', 'etcd-io/etcd#14413', 'etcdserver/raft.go: raftNode.start'],
});
