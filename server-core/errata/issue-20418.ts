// server-core/errata/issue-20418.ts: a repeated ReadIndex lets late answers confirm a newer read.
import {erratum} from './erratum.ts';

export const issue20418 = erratum({
  id: '20418',
  title: 'A repeated ReadIndex lets late answers confirm a newer read',
  what: 'A read that waits too long is asked for again under the same id, so answers to the first round confirm the second, and with it reads that came in between.',
  ranges: [
    {from: '3.4.20', before: '3.4.42'},
    {from: '3.5.0', before: '3.5.28'},
    {from: '3.6.0', before: '3.6.9'},
  ],
  seam: 'server: readIndexRetry',
  story: [
    'A leader keeps reads in a queue by the id of their request, and takes a quorum of heartbeat answers with ' +
      'that id for a proof that it leads, for this read and all before it. A member asks again after 500 ms, or ' +
      'when a term has its first commit, and used the same id.',
    'When the first copy is done and the second stands behind newer reads of others, answers to the first round ' +
      'that are still on their way count for the second. A leader that was deposed without noticing then answers ' +
      'those newer reads from its old state: a linearizable read goes back.',
    '3.4.42, 3.5.28 and 3.6.9 draw an id for each attempt; raft of 3.7 counts its rounds itself.',
  ],
  sources: [
    'etcd-io/etcd#20418',
    'etcd-io/etcd#21399',
    'etcd-io/raft#397',
    'etcdserver/v3_server.go: requestCurrentIndex',
  ],
});
