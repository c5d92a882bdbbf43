// scenarios/conformance/recorded-metrics.ts: what real 3.3.25, 3.4.23, 3.5.16, 3.6.0 and 3.7.0 have on /metrics, one member, no TLS: gauges and counters
// of etcd's own. Recorded from their pages; the help texts are etcd's.

export interface RecordedMetric {
  readonly name: string;
  readonly type: string;
  /** Minor releases, as '3.5'. */
  readonly minors: readonly string[];
  readonly help: string;
}

/** `name type minors help` by line. */
const TABLE = `
etcd_cluster_version gauge 3.3,3.4,3.5,3.6,3.7 Which version is running. 1 for 'cluster_version' label with current cluster version
etcd_debugging_auth_revision gauge 3.3,3.4,3.5,3.6,3.7 The current revision of auth store.
etcd_debugging_lease_granted_total counter 3.4,3.5,3.6,3.7 The total number of granted leases.
etcd_debugging_lease_renewed_total counter 3.4,3.5,3.6,3.7 The number of renewed leases seen by the leader.
etcd_debugging_lease_revoked_total counter 3.4,3.5,3.6,3.7 The total number of revoked leases.
etcd_debugging_mvcc_compact_revision gauge 3.3,3.4,3.5,3.6,3.7 The revision of the last compaction in store.
etcd_debugging_mvcc_current_revision gauge 3.3,3.4,3.5,3.6,3.7 The current revision of store.
etcd_debugging_mvcc_db_compaction_keys_total counter 3.3,3.4,3.5,3.6,3.7 Total number of db keys compacted.
etcd_debugging_mvcc_db_compaction_last gauge 3.5,3.6,3.7 The unix time of the last db compaction. Resets to 0 on start.
etcd_debugging_mvcc_db_total_size_in_bytes gauge 3.4 Total size of the underlying database physically allocated in bytes.
etcd_debugging_mvcc_db_total_size_in_bytes gauge 3.3 Total size of the underlying database physically allocated in bytes. Use etcd_mvcc_db_total_size_in_bytes
etcd_debugging_mvcc_delete_total counter 3.3,3.4 Total number of deletes seen by this member.
etcd_debugging_mvcc_events_total counter 3.3,3.4,3.5,3.6,3.7 Total number of events sent by this member.
etcd_debugging_mvcc_keys_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of keys.
etcd_debugging_mvcc_pending_events_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of pending events to be sent.
etcd_debugging_mvcc_put_total counter 3.3,3.4 Total number of puts seen by this member.
etcd_debugging_mvcc_range_total counter 3.3,3.4,3.5 Total number of ranges seen by this member.
etcd_debugging_mvcc_slow_watcher_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of unsynced slow watchers.
etcd_debugging_mvcc_total_put_size_in_bytes gauge 3.3,3.4,3.5,3.6,3.7 The total size of put kv pairs seen by this member.
etcd_debugging_mvcc_txn_total counter 3.3,3.4 Total number of txns seen by this member.
etcd_debugging_mvcc_watch_stream_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of watch streams.
etcd_debugging_mvcc_watcher_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of watchers.
etcd_debugging_server_lease_expired_total counter 3.3,3.4,3.5,3.6,3.7 The total number of expired leases.
etcd_debugging_store_expires_total counter 3.3,3.4,3.5,3.6,3.7 Total number of expired keys.
etcd_debugging_store_reads_total counter 3.3,3.4,3.5,3.6 Total number of reads action by (get/getRecursive), local to this member.
etcd_debugging_store_watch_requests_total counter 3.3,3.4,3.5,3.6,3.7 Total number of incoming watch requests (new or reestablished).
etcd_debugging_store_watchers gauge 3.3,3.4,3.5,3.6,3.7 Count of currently active watchers.
etcd_debugging_store_writes_total counter 3.3,3.4,3.5,3.6 Total number of writes (e.g. set/compareAndDelete) seen by this member.
etcd_disk_defrag_inflight gauge 3.4,3.5,3.6,3.7 Whether or not defrag is active on the member. 1 means active, 0 means not.
etcd_disk_wal_write_bytes_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of bytes written in WAL.
etcd_grpc_proxy_cache_hits_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of cache hits
etcd_grpc_proxy_cache_keys_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of keys/ranges cached
etcd_grpc_proxy_cache_misses_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of cache misses
etcd_grpc_proxy_events_coalescing_total counter 3.3,3.4,3.5,3.6,3.7 Total number of events coalescing
etcd_grpc_proxy_watchers_coalescing_total gauge 3.3,3.4,3.5,3.6,3.7 Total number of current watchers coalescing
etcd_mvcc_db_open_read_transactions gauge 3.4,3.5,3.6,3.7 The number of currently open read transactions
etcd_mvcc_db_total_size_in_bytes gauge 3.3,3.4,3.5,3.6,3.7 Total size of the underlying database physically allocated in bytes.
etcd_mvcc_db_total_size_in_use_in_bytes gauge 3.3,3.4,3.5,3.6,3.7 Total size of the underlying database logically in use in bytes.
etcd_mvcc_delete_total counter 3.4,3.5,3.6,3.7 Total number of deletes seen by this member.
etcd_mvcc_put_total counter 3.4,3.5,3.6,3.7 Total number of puts seen by this member.
etcd_mvcc_range_total counter 3.4,3.5,3.6,3.7 Total number of ranges seen by this member.
etcd_mvcc_txn_total counter 3.4,3.5,3.6,3.7 Total number of txns seen by this member.
etcd_network_client_grpc_received_bytes_total counter 3.3,3.4,3.5,3.6,3.7 The total number of bytes received from grpc clients.
etcd_network_client_grpc_sent_bytes_total counter 3.3,3.4,3.5,3.6,3.7 The total number of bytes sent to grpc clients.
etcd_network_known_peers gauge 3.6,3.7 The current number of known peers.
etcd_server_client_requests_total counter 3.3,3.4,3.5 The total number of client requests per client version.
etcd_server_feature_enabled gauge 3.6,3.7 Whether or not a feature is enabled. 1 is enabled, 0 is not.
etcd_server_go_version gauge 3.3,3.4,3.5,3.6,3.7 Which Go version server is running with. 1 for 'server_go_version' label with current version.
etcd_server_has_leader gauge 3.3,3.4,3.5,3.6,3.7 Whether or not a leader exists. 1 is existence, 0 is not.
etcd_server_health_failures counter 3.3,3.4,3.5,3.6,3.7 The total number of failed health checks
etcd_server_health_success counter 3.3,3.4,3.5,3.6,3.7 The total number of successful health checks
etcd_server_heartbeat_send_failures_total counter 3.3,3.4,3.5,3.6,3.7 The total number of leader heartbeat send failures (likely overloaded from slow disk).
etcd_server_id gauge 3.3,3.4,3.5,3.6,3.7 Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.
etcd_server_is_leader gauge 3.3,3.4,3.5,3.6,3.7 Whether or not this member is a leader. 1 if is, 0 otherwise.
etcd_server_is_learner gauge 3.4,3.5,3.6,3.7 Whether or not this member is a learner. 1 if is, 0 otherwise.
etcd_server_leader_changes_seen_total counter 3.3,3.4,3.5,3.6,3.7 The number of leader changes seen.
etcd_server_learner_promote_successes counter 3.4,3.5,3.6,3.7 The total number of successful learner promotions while this member is leader.
etcd_server_proposals_applied_total gauge 3.3,3.4,3.5,3.6,3.7 The total number of consensus proposals applied.
etcd_server_proposals_committed_total gauge 3.3,3.4,3.5,3.6,3.7 The total number of consensus proposals committed.
etcd_server_proposals_failed_total counter 3.3,3.4,3.5,3.6,3.7 The total number of failed proposals seen.
etcd_server_proposals_pending gauge 3.3,3.4,3.5,3.6,3.7 The current number of pending proposals to commit.
etcd_server_quota_backend_bytes gauge 3.3,3.4,3.5,3.6,3.7 Current backend storage quota size in bytes.
etcd_server_read_indexes_failed_total counter 3.3,3.4,3.5,3.6,3.7 The total number of failed read indexes seen.
etcd_server_slow_apply_total counter 3.3,3.4,3.5,3.6,3.7 The total number of slow apply requests (likely overloaded from slow disk).
etcd_server_slow_read_indexes_total counter 3.3,3.4,3.5,3.6,3.7 The total number of pending read indexes not in sync with leader's or timed out read index requests.
etcd_server_snapshot_apply_in_progress_total gauge 3.3,3.4,3.5,3.6,3.7 1 if the server is applying the incoming snapshot. 0 if none.
etcd_server_version gauge 3.3,3.4,3.5,3.6,3.7 Which version is running. 1 for 'server_version' label with current version.
`;

/** All of them, by name. */
export const RECORDED_METRICS: readonly RecordedMetric[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [name = '', type = '', minors = '', ...help] = line.split(' ');
    return {name, type, minors: minors.split(','), help: help.join(' ')};
  });
