// scenarios/errata/requests.ts: calls of the scripts that are no operations on keys.
import type {CallResult} from '../../server-core/client/client.ts';
import type {Experiment} from './experiment.ts';

/** Compacts at a revision; returns when etcd has answered, which is before the records are gone. */
export function compactionOf(lab: Experiment, member: string, revision: number): CallResult {
  return lab.call(3, member, '/etcdserverpb.KV/Compact', {revision, physical: false});
}
