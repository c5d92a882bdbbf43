// server-core/api/metrics.ts: /metrics in Prometheus' text form: the gauges and counters that the model knows, under the names that the
// release has for them. etcd: etcdserver/metrics.go, mvcc/metrics.go. Not modelled: histograms, network bytes, Go runtime metrics.
import {formatId} from '../../base/ids.ts';
import {isSince} from '../release/release.ts';
import type {ServerConfig} from '../server/config.ts';
import type {EtcdServer} from '../server/server.ts';

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels?: string;
  readonly value: number;
}

/** The page. */
export function metricsText(server: EtcdServer, config: ServerConfig): string {
  return metricsOf(server, config)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({name, type, help, labels, value}) => {
      const label = labels === undefined ? '' : `{${labels}}`;
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${label} ${value}\n`;
    })
    .join('');
}

function metricsOf(server: EtcdServer, {release}: ServerConfig): Metric[] {
  const {applier, parts} = server;
  const {backend, store, quota} = applier;
  const has34 = isSince(release, '3.4.0');
  const counts = parts.watchable.counts;
  const metrics: Metric[] = [
    gauge(
      'etcd_server_has_leader',
      'Whether or not a leader exists. 1 is existence, 0 is not.',
      server.hasLeader ? 1 : 0,
    ),
    gauge(
      'etcd_server_is_leader',
      'Whether or not this member is a leader. 1 if is, 0 otherwise.',
      server.isLeader ? 1 : 0,
    ),
    counter('etcd_server_leader_changes_seen_total', 'The number of leader changes seen.', server.leaderChanges),
    gauge(
      'etcd_server_proposals_committed_total',
      'The total number of consensus proposals committed.',
      server.committedIndex,
    ),
    gauge(
      'etcd_server_proposals_applied_total',
      'The total number of consensus proposals applied.',
      server.appliedIndex,
    ),
    gauge('etcd_server_quota_backend_bytes', 'Current backend storage quota size in bytes.', quota.limitBytes ?? 0),
    {
      ...gauge('etcd_server_version', 'Which version is running. 1 for current version.', 1),
      labels: `server_version="${release}"`,
    },
    {
      ...gauge('etcd_server_id', 'Server or member ID in hexadecimal format.', 1),
      labels: `server_id="${formatId(server.id)}"`,
    },
    gauge(
      has34 ? 'etcd_mvcc_db_total_size_in_bytes' : 'etcd_debugging_mvcc_db_total_size_in_bytes',
      'Total size of the underlying database physically allocated in bytes.',
      backend.sizeBytes,
    ),
    gauge(
      has34 ? 'etcd_mvcc_db_total_size_in_use_in_bytes' : 'etcd_debugging_mvcc_db_total_size_in_use_in_bytes',
      'Total size of the underlying database logically in use in bytes.',
      backend.sizeInUseBytes,
    ),
    gauge('etcd_debugging_mvcc_watch_stream_total', 'Total number of watch streams.', counts.streams),
    gauge('etcd_debugging_mvcc_watcher_total', 'Total number of watchers.', counts.watchers),
    gauge('etcd_debugging_mvcc_slow_watcher_total', 'Total number of unsynced slow watchers.', counts.slowWatchers),
  ];
  if (!has34) return metrics;
  return [
    ...metrics,
    gauge(
      'etcd_server_is_learner',
      'Whether or not this member is a learner. 1 if is, 0 otherwise.',
      server.isLearner ? 1 : 0,
    ),
    gauge('etcd_debugging_mvcc_current_revision', 'The current revision of store.', store.currentRevision),
    gauge(
      'etcd_debugging_mvcc_compact_revision',
      'The revision of the last compaction in store.',
      store.compactRevision,
    ),
  ];
}

const gauge = (name: string, help: string, value: number): Metric => ({name, type: 'gauge', help, value});
const counter = (name: string, help: string, value: number): Metric => ({name, type: 'counter', help, value});
