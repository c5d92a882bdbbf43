// server-core/api/metrics.ts: /metrics in Prometheus' text form: the gauges and counters that the model knows, under the names that the
// release has for them. etcd: etcdserver/metrics.go, mvcc/metrics.go, membership/metrics.go, etcdhttp/metrics.go.
// Not modelled: histograms, the v2 store, the gRPC proxy, bytes on the wire, the file system, Go's runtime and version, counters of
// leases and of failed or pending proposals and read indexes (scenarios/conformance/metrics.test.ts names them all).
import {formatId} from '../../base/ids.ts';
import {isSince} from '../release/release.ts';
import type {ServerConfig} from '../server/config.ts';
import type {EtcdServer} from '../server/server.ts';

/** Answers of /health so far. */
export interface HealthCounts {
  readonly successes: number;
  readonly failures: number;
}

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels?: string;
  readonly value: number;
}

/** Which metrics a release has. */
interface MetricNames {
  /** etcd_server_is_leader: 3.1.14, 3.2.19, 3.3.4, 3.4.0. */
  readonly isLeader: boolean;
  /** The versions of server and Go: 3.1.18, 3.2.23, 3.3.0. */
  readonly version: boolean;
  /** etcd_mvcc_db_…, in use too, and the quota: 3.1.19, 3.2.24, 3.3.9, 3.4.0. */
  readonly sizes: boolean;
  /** etcd_server_id and the health counters: 3.1.20, 3.2.25, 3.3.10, 3.4.0. */
  readonly idAndHealth: boolean;
  /** etcd_debugging_mvcc_current_revision and …compact_revision: 3.2.27, 3.3.16, 3.4.1. */
  readonly revisions: boolean;
  /** etcd_cluster_version: 3.2.28, 3.3.18, 3.4.0. */
  readonly clusterVersion: boolean;
  /** etcd_debugging_mvcc_db_compaction_keys_total: 3.3.0. */
  readonly compactedKeys: boolean;
  /** etcd_debugging_mvcc_total_put_size_in_bytes: 3.3.18, 3.4.4. */
  readonly putSize: boolean;
  /** etcd_debugging_auth_revision: 3.3.21, 3.4.8. */
  readonly authRevision: boolean;
  /** etcd_mvcc_put_total and its like, and etcd_server_is_learner: 3.4.0. */
  readonly stable: boolean;
  /** etcd_debugging_mvcc_put_total and its like, and …_db_total_size_in_bytes: up to 3.4. */
  readonly debugging: boolean;
  /** etcd_debugging_mvcc_range_total: up to 3.5. */
  readonly debuggingRange: boolean;
}

function metricNames(release: string): MetricNames {
  const stable = isSince(release, '3.4.0');
  return {
    isLeader: isSince(release, '3.1.14', '3.2.19', '3.3.4', '3.4.0'),
    version: isSince(release, '3.1.18', '3.2.23', '3.3.0'),
    sizes: isSince(release, '3.1.19', '3.2.24', '3.3.9', '3.4.0'),
    idAndHealth: isSince(release, '3.1.20', '3.2.25', '3.3.10', '3.4.0'),
    revisions: isSince(release, '3.2.27', '3.3.16', '3.4.1'),
    clusterVersion: isSince(release, '3.2.28', '3.3.18', '3.4.0'),
    compactedKeys: isSince(release, '3.3.0'),
    putSize: isSince(release, '3.3.18', '3.4.4'),
    authRevision: isSince(release, '3.3.21', '3.4.8'),
    stable,
    debugging: !isSince(release, '3.5.0'),
    debuggingRange: !isSince(release, '3.6.0'),
  };
}

/** The page. */
export function metricsText(server: EtcdServer, config: ServerConfig, health: HealthCounts): string {
  const names = metricNames(config.release);
  return [...serverMetrics(server, config, names, health), ...storeMetrics(server, names)]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({name, type, help, labels, value}) => {
      const label = labels === undefined ? '' : `{${labels}}`;
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${label} ${numberText(value)}\n`;
    })
    .join('');
}

/** A whole number as Go's strconv prints a float64 in its shortest form: with an exponent from a million on. */
export function numberText(value: number): string {
  if (Math.abs(value) < 1_000_000) return String(value);
  return value.toExponential().replace(/e\+(\d)$/, 'e+0$1');
}

function serverMetrics(
  server: EtcdServer,
  {release}: ServerConfig,
  names: MetricNames,
  health: HealthCounts,
): Metric[] {
  const quota = server.applier.quota.limitBytes ?? 0;
  const metrics = [
    gauge(
      'etcd_server_has_leader',
      'Whether or not a leader exists. 1 is existence, 0 is not.',
      truth(server.hasLeader),
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
  ];
  if (names.isLeader) {
    const help = 'Whether or not this member is a leader. 1 if is, 0 otherwise.';
    metrics.push(gauge('etcd_server_is_leader', help, truth(server.isLeader)));
  }
  if (names.stable) {
    const help = 'Whether or not this member is a learner. 1 if is, 0 otherwise.';
    metrics.push(gauge('etcd_server_is_learner', help, truth(server.isLearner)));
  }
  if (names.sizes) {
    metrics.push(gauge('etcd_server_quota_backend_bytes', 'Current backend storage quota size in bytes.', quota));
  }
  if (names.version) {
    const help = "Which version is running. 1 for 'server_version' label with current version.";
    metrics.push(labelled('etcd_server_version', help, `server_version="${release}"`));
  }
  const version = server.cluster.version;
  if (names.clusterVersion && version !== undefined) {
    const help = "Which version is running. 1 for 'cluster_version' label with current cluster version";
    metrics.push(labelled('etcd_cluster_version', help, `cluster_version="${minorOf(version)}"`));
  }
  if (names.idAndHealth) {
    const help = "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.";
    metrics.push(
      labelled('etcd_server_id', help, `server_id="${formatId(server.id)}"`),
      counter('etcd_server_health_success', 'The total number of successful health checks', health.successes),
      counter('etcd_server_health_failures', 'The total number of failed health checks', health.failures),
    );
  }
  if (names.authRevision) {
    const {revision} = server.parts.auth;
    metrics.push(gauge('etcd_debugging_auth_revision', 'The current revision of auth store.', revision));
  }
  return metrics;
}

const SIZE_HELP = 'Total size of the underlying database physically allocated in bytes.';

function storeMetrics({applier, parts}: EtcdServer, names: MetricNames): Metric[] {
  const {backend, store} = applier;
  const {counts, keyCount} = store;
  const watches = parts.watchable.counts;
  const metrics = [
    ...operationMetrics(counts, names),
    gauge('etcd_debugging_mvcc_keys_total', 'Total number of keys.', keyCount),
    gauge('etcd_debugging_mvcc_watch_stream_total', 'Total number of watch streams.', watches.streams),
    gauge('etcd_debugging_mvcc_watcher_total', 'Total number of watchers.', watches.watchers),
    gauge('etcd_debugging_mvcc_slow_watcher_total', 'Total number of unsynced slow watchers.', watches.slowWatchers),
  ];
  if (names.compactedKeys) {
    const help = 'Total number of db keys compacted.';
    metrics.push(counter('etcd_debugging_mvcc_db_compaction_keys_total', help, counts.compactedKeys));
  }
  if (names.putSize) {
    const help = 'The total size of put kv pairs seen by this member.';
    metrics.push(gauge('etcd_debugging_mvcc_total_put_size_in_bytes', help, counts.putSizeBytes));
  }
  if (names.revisions) {
    const help = 'The revision of the last compaction in store.';
    metrics.push(
      gauge('etcd_debugging_mvcc_current_revision', 'The current revision of store.', store.currentRevision),
      gauge('etcd_debugging_mvcc_compact_revision', help, store.compactRevision),
    );
  }
  if (names.sizes) {
    const help = 'Total size of the underlying database logically in use in bytes.';
    metrics.push(
      gauge('etcd_mvcc_db_total_size_in_bytes', SIZE_HELP, backend.sizeBytes),
      gauge('etcd_mvcc_db_total_size_in_use_in_bytes', help, backend.sizeInUseBytes),
    );
  }
  if (names.debugging) {
    metrics.push(gauge('etcd_debugging_mvcc_db_total_size_in_bytes', debuggingSizeHelp(names), backend.sizeBytes));
  }
  return metrics;
}

function debuggingSizeHelp({sizes, stable}: MetricNames): string {
  if (stable) return SIZE_HELP;
  return sizes
    ? `${SIZE_HELP} Use etcd_mvcc_db_total_size_in_bytes`
    : 'Total size of the underlying database in bytes.';
}

function operationMetrics(
  {ranges, puts, deletes, txns}: EtcdServer['applier']['store']['counts'],
  {stable, debugging, debuggingRange}: MetricNames,
): Metric[] {
  const totals = [
    {what: 'range', value: ranges, isDebugging: debuggingRange},
    {what: 'put', value: puts, isDebugging: debugging},
    {what: 'delete', value: deletes, isDebugging: debugging},
    {what: 'txn', value: txns, isDebugging: debugging},
  ];
  const metrics: Metric[] = [];
  for (const {what, value, isDebugging} of totals) {
    const help = `Total number of ${what}s seen by this member.`;
    if (stable) metrics.push(counter(`etcd_mvcc_${what}_total`, help, value));
    if (isDebugging) metrics.push(counter(`etcd_debugging_mvcc_${what}_total`, help, value));
  }
  return metrics;
}

/** '3.5.0' -> '3.5'. */
const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');
const truth = (is: boolean): number => (is ? 1 : 0);
const gauge = (name: string, help: string, value: number): Metric => ({name, type: 'gauge', help, value});
const counter = (name: string, help: string, value: number): Metric => ({name, type: 'counter', help, value});
const labelled = (name: string, help: string, labels: string): Metric => ({...gauge(name, help, 1), labels});
