// server-core/release/flags.ts: the command line of etcd 3.0 to 3.7: which release has which flag, and what a value of it must look like.
// Modelled: the set of flags of every release, mid-branch additions included, as `newConfig` and `AddFlags` of its source define them.
// Not modelled: the environment (ETCD_…) and configuration files.
import {isSince} from './release.ts';

/** How Go's flag package reads a value; `list` stands for etcd's own types. */
export type FlagKind = 'bool' | 'int' | 'uint' | 'duration' | 'string' | 'list' | 'gates';

/** One flag; its name has no dashes in front. */
export interface Flag {
  readonly name: string;
  readonly kind: FlagKind;
  /** The first release of each branch that has it; empty: every one from 3.0 on. */
  readonly since: readonly string[];
  /** The first release without it again; undefined: it is still there. */
  readonly goneWith: string | undefined;
}

/** Names by kind, the first releases, and the first without: `kind: name, name`. */
type Row = readonly [kind: FlagKind, names: string, since?: readonly string[], goneWith?: string];

const ROWS: readonly Row[] = [
  // What a cluster is told of itself.
  ['string', 'config-file data-dir discovery-srv initial-cluster initial-cluster-token name wal-dir'],
  ['list', 'advertise-client-urls initial-advertise-peer-urls listen-client-urls listen-peer-urls'],
  ['list', 'cors discovery-fallback initial-cluster-state'],
  ['list', 'listen-client-http-urls', ['3.4.25', '3.5.8']],
  ['list', 'listen-metrics-urls', ['3.3.0']],
  ['list', 'host-whitelist', ['3.4.0']],
  ['string', 'discovery-srv-name', ['3.4.0']],
  ['string', 'discovery discovery-proxy', [], '3.7.0'],
  ['list', 'discovery-endpoints', ['3.6.0']],
  [
    'string',
    'discovery-cacert discovery-cert discovery-key discovery-password discovery-token discovery-user',
    ['3.6.0'],
  ],
  ['bool', 'discovery-insecure-skip-tls-verify discovery-insecure-transport', ['3.6.0']],
  ['duration', 'discovery-dial-timeout discovery-keepalive-time discovery-keepalive-timeout', ['3.6.0']],
  ['duration', 'discovery-request-timeout', ['3.6.0']],
  ['bool', 'force-new-cluster strict-reconfig-check'],
  ['bool', 'pre-vote', ['3.4.0']],
  ['bool', 'initial-election-tick-advance', ['3.1.14', '3.2.19', '3.3.4']],
  ['bool', 'next-cluster-version-compatible', ['3.4.31'], '3.5.0'],
  ['int', 'max-learners', ['3.6.0']],
  ['uint', 'election-timeout heartbeat-interval max-snapshots max-wals snapshot-count'],
  ['uint', 'snapshot-catchup-entries', ['3.6.0']],
  ['uint', 'experimental-snapshot-catchup-entries', ['3.5.14'], '3.7.0'],
  ['duration', 'downgrade-check-time', ['3.6.0']],
  ['duration', 'experimental-downgrade-check-time', ['3.5.0'], '3.7.0'],
  ['gates', 'feature-gates', ['3.6.0']],
  // The store.
  ['int', 'quota-backend-bytes'],
  ['uint', 'max-txn-ops', ['3.3.0']],
  ['uint', 'max-request-bytes', ['3.2.10', '3.3.0']],
  ['uint', 'max-concurrent-streams', ['3.4.20', '3.5.5']],
  ['string', 'auto-compaction-retention'],
  ['string', 'auto-compaction-mode', ['3.3.0']],
  ['int', 'compaction-batch-limit', ['3.6.0']],
  ['int', 'experimental-compaction-batch-limit', ['3.4.0'], '3.7.0'],
  ['duration', 'compaction-sleep-interval', ['3.6.0']],
  ['duration', 'experimental-compaction-sleep-interval', ['3.5.16'], '3.7.0'],
  ['duration', 'backend-batch-interval', ['3.4.0']],
  ['int', 'backend-batch-limit', ['3.4.0']],
  ['string', 'backend-bbolt-freelist-type', ['3.5.0']],
  ['string', 'experimental-backend-bbolt-freelist-type', ['3.4.0'], '3.5.0'],
  ['bool', 'unsafe-no-fsync', ['3.4.10']],
  ['uint', 'bootstrap-defrag-threshold-megabytes', ['3.6.0']],
  ['uint', 'experimental-bootstrap-defrag-threshold-megabytes', ['3.5.0'], '3.7.0'],
  ['bool', 'experimental-stop-grpc-service-on-defrag', ['3.5.14'], '3.7.0'],
  ['bool', 'experimental-txn-mode-write-with-shared-buffer', ['3.5.0'], '3.7.0'],
  ['bool', 'memory-mlock', ['3.6.0']],
  ['bool', 'experimental-memory-mlock', ['3.5.0'], '3.7.0'],
  // Corruption, leases, watches.
  ['bool', 'experimental-initial-corrupt-check', ['3.3.0'], '3.7.0'],
  ['duration', 'corrupt-check-time', ['3.6.0']],
  ['duration', 'experimental-corrupt-check-time', ['3.3.0'], '3.7.0'],
  ['bool', 'experimental-compact-hash-check-enabled', ['3.5.5'], '3.7.0'],
  ['duration', 'compact-hash-check-time', ['3.6.0']],
  ['duration', 'experimental-compact-hash-check-time', ['3.5.5'], '3.7.0'],
  ['bool', 'experimental-enable-lease-checkpoint', ['3.4.0'], '3.7.0'],
  ['bool', 'experimental-enable-lease-checkpoint-persist', ['3.4.20', '3.5.2'], '3.7.0'],
  ['duration', 'watch-progress-notify-interval', ['3.6.0']],
  ['duration', 'experimental-watch-progress-notify-interval', ['3.4.11'], '3.7.0'],
  // The v2 store, its API and its proxy.
  ['bool', 'enable-v2', ['3.2.0'], '3.6.0'],
  ['string', 'experimental-enable-v2v3', ['3.3.0'], '3.6.0'],
  ['list', 'v2-deprecation', ['3.5.0']],
  ['list', 'proxy', [], '3.6.0'],
  ['uint', 'proxy-dial-timeout proxy-failure-wait proxy-read-timeout', [], '3.6.0'],
  ['uint', 'proxy-refresh-interval proxy-write-timeout', [], '3.6.0'],
  // Users, certificates, connections.
  ['string', 'auth-token', ['3.2.0']],
  ['uint', 'auth-token-ttl', ['3.3.23', '3.4.10']],
  ['uint', 'bcrypt-cost', ['3.4.0']],
  ['string', 'cert-file key-file peer-cert-file peer-key-file peer-trusted-ca-file trusted-ca-file'],
  ['string', 'ca-file peer-ca-file', [], '3.4.0'],
  ['bool', 'auto-tls client-cert-auth peer-auto-tls peer-client-cert-auth'],
  ['string', 'client-crl-file peer-crl-file', ['3.3.0']],
  ['list', 'peer-cert-allowed-cn', ['3.3.0']],
  ['list', 'client-cert-allowed-hostname peer-cert-allowed-hostname', ['3.4.0']],
  ['string', 'client-cert-file client-key-file peer-client-cert-file peer-client-key-file', ['3.5.0']],
  ['uint', 'self-signed-cert-validity', ['3.5.0']],
  ['bool', 'peer-skip-client-san-verification', ['3.6.0']],
  ['bool', 'experimental-peer-skip-client-san-verification', ['3.2.28', '3.3.16'], '3.7.0'],
  ['list', 'cipher-suites', ['3.2.22', '3.3.7']],
  ['string', 'tls-max-version tls-min-version', ['3.4.25', '3.5.8']],
  ['duration', 'grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout', ['3.2.10', '3.3.0']],
  ['duration', 'raft-read-timeout raft-write-timeout', ['3.5.0']],
  ['bool', 'socket-reuse-address socket-reuse-port', ['3.5.0']],
  ['bool', 'enable-grpc-gateway', ['3.4.0']],
  // What it tells of itself.
  ['bool', 'enable-pprof version'],
  ['string', 'metrics', ['3.1.0']],
  ['bool', 'debug', [], '3.5.0'],
  ['string', 'log-package-levels', [], '3.5.0'],
  ['list', 'log-output', ['3.1.0'], '3.5.0'],
  ['list', 'log-outputs', ['3.4.0']],
  ['string', 'log-level logger', ['3.4.0']],
  ['bool', 'enable-log-rotation', ['3.5.0']],
  ['string', 'log-rotation-config-json', ['3.5.0']],
  ['string', 'log-format', ['3.6.0']],
  ['duration', 'warning-apply-duration warning-unary-request-duration', ['3.6.0']],
  ['duration', 'experimental-warning-apply-duration', ['3.4.16'], '3.7.0'],
  ['duration', 'experimental-warning-unary-request-duration', ['3.6.0'], '3.7.0'],
  ['bool', 'enable-distributed-tracing', ['3.6.0']],
  ['string', 'distributed-tracing-address distributed-tracing-instance-id', ['3.6.0']],
  ['string', 'distributed-tracing-service-name', ['3.6.0']],
  ['int', 'distributed-tracing-sampling-rate', ['3.6.0']],
  ['bool', 'experimental-enable-distributed-tracing', ['3.5.0'], '3.7.0'],
  ['string', 'experimental-distributed-tracing-address', ['3.5.0'], '3.7.0'],
  ['string', 'experimental-distributed-tracing-instance-id', ['3.5.0'], '3.7.0'],
  ['string', 'experimental-distributed-tracing-service-name', ['3.5.0'], '3.7.0'],
  ['int', 'experimental-distributed-tracing-sampling-rate', ['3.5.11'], '3.7.0'],
  // Taken from 0.4 and ignored ever since.
  ['list', 'cluster-active-size cluster-remove-delay cluster-sync-interval config force max-result-buffer'],
  ['list', 'max-retry-attempts peer-election-timeout peer-heartbeat-interval retry-interval snapshot v vv'],
];

const FLAGS: ReadonlyMap<string, Flag> = new Map(
  ROWS.flatMap(([kind, names, since = [], goneWith]) =>
    names.split(' ').map((name) => [name, Object.freeze({name, kind, since, goneWith})] as const),
  ),
);

/** The flag of that name, whichever releases have it; undefined: none from 3.0 to 3.7 does. */
export const flagNamed = (name: string): Flag | undefined => FLAGS.get(name);

/** Has the release that flag? */
export function hasFlag(release: string, {since, goneWith}: Flag): boolean {
  if (goneWith !== undefined && isSince(release, goneWith)) return false;
  return since.length === 0 || isSince(release, ...since);
}

/** Names of all flags of a release, sorted. */
export function flagsOf(release: string): string[] {
  return [...FLAGS.values()]
    .filter((flag) => hasFlag(release, flag))
    .map(({name}) => name)
    .sort();
}
