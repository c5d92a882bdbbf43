// /metrics beside the recorded pages of real servers: names, types and help of all that is served, the names of all that is not, and the
// values after one and the same session.
import {describe, expect, test} from 'vitest';
import {numberText} from '../../server-core/api/metrics.ts';
import {RECORDED_METRICS} from './recorded-metrics.ts';
import {Talk} from './talk.ts';

/** What real servers have and the model does not know. */
const NOT_SERVED = new Set([
  'etcd_debugging_lease_granted_total',
  'etcd_debugging_lease_renewed_total',
  'etcd_debugging_lease_revoked_total',
  'etcd_debugging_mvcc_db_compaction_last',
  'etcd_debugging_mvcc_events_total',
  'etcd_debugging_mvcc_pending_events_total',
  'etcd_debugging_server_lease_expired_total',
  'etcd_debugging_store_expires_total',
  'etcd_debugging_store_reads_total',
  'etcd_debugging_store_watch_requests_total',
  'etcd_debugging_store_watchers',
  'etcd_debugging_store_writes_total',
  'etcd_disk_defrag_inflight',
  'etcd_disk_wal_write_bytes_total',
  'etcd_grpc_proxy_cache_hits_total',
  'etcd_grpc_proxy_cache_keys_total',
  'etcd_grpc_proxy_cache_misses_total',
  'etcd_grpc_proxy_events_coalescing_total',
  'etcd_grpc_proxy_watchers_coalescing_total',
  'etcd_mvcc_db_open_read_transactions',
  'etcd_network_client_grpc_received_bytes_total',
  'etcd_network_client_grpc_sent_bytes_total',
  'etcd_network_known_peers',
  'etcd_server_client_requests_total',
  'etcd_server_feature_enabled',
  'etcd_server_go_version',
  'etcd_server_heartbeat_send_failures_total',
  'etcd_server_learner_promote_successes',
  'etcd_server_proposals_failed_total',
  'etcd_server_proposals_pending',
  'etcd_server_read_indexes_failed_total',
  'etcd_server_slow_apply_total',
  'etcd_server_slow_read_indexes_total',
  'etcd_server_snapshot_apply_in_progress_total',
]);

const pageOf = (talk: Talk): readonly string[] =>
  talk.cluster.http(0, 'client', 'GET', '/metrics').body.trimEnd().split('\n');

const put = (key: string, value: string) => ({kind: 'put', request: {...PUT, key, value}});
const PUT = {lease: '0000000000000000', prevKv: false, ignoreValue: false, ignoreLease: false};

/** What was said to the real servers through etcdctl before their pages were taken. */
function session(talk: Talk): void {
  for (const key of ['k1', 'k2', 'k3']) talk.ok('KV/Put', {key, value: 'v'});
  talk.ok('KV/Range', {key: 'k1'});
  talk.ok('KV/Range', {key: 'k', rangeEnd: 'l'});
  talk.ok('KV/DeleteRange', {key: 'k1'});
  const compare = [{result: 'equal', target: 'mod', key: 'zz', rangeEnd: '', operand: {kind: 'mod', number: 0}}];
  talk.ok('KV/Txn', {compare, success: [put('t1', 'x'), put('t2', 'x'), RANGE_K2], failure: [put('t3', 'x')]});
  for (let i = 0; i < 2; i++) talk.cluster.http(0, 'client', 'GET', '/health');
}

const RANGE_K2 = {
  kind: 'range',
  request: {
    key: 'k2',
    rangeEnd: '',
    limit: 0,
    revision: 0,
    sortOrder: 'none',
    sortTarget: 'key',
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  },
};

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'])('/metrics of %s', (release) => {
  const talk = new Talk({release});
  talk.cluster.advance(5_000_000); // until the cluster has a version
  const minor = release.slice(0, 3);
  const recorded = RECORDED_METRICS.filter(({minors}) => minors.includes(minor));

  test('every name, type and help is that of the real page, and what is not there is known', () => {
    const page = pageOf(talk).filter((line) => line.startsWith('#'));
    const expected = recorded
      .filter(({name}) => !NOT_SERVED.has(name))
      .flatMap(({name, type, help}) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]);
    expect(page).toEqual(expected);
  });

  test('the values of one session', () => {
    session(talk);
    const values = new Map(
      pageOf(talk)
        .filter((line) => !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
    );
    const of = (...names: string[]) => names.map((name) => values.get(name));
    const totals = ['put', 'range', 'delete', 'txn'];
    // From 3.5 on a health check reads a v3 key.
    const ranges = minor < '3.5' ? '4' : '6';
    const stable = of(...totals.map((what) => `etcd_mvcc_${what}_total`));
    const debugging = of(...totals.map((what) => `etcd_debugging_mvcc_${what}_total`));
    const all = ['5', ranges, '1', '1'];
    const none = [undefined, undefined, undefined, undefined];
    expect(stable).toEqual(minor === '3.3' ? none : all);
    const rangeOnly = [undefined, ranges, undefined, undefined];
    expect(debugging).toEqual(minor < '3.5' ? all : minor === '3.5' ? rangeOnly : none);
    expect(
      of(
        'etcd_debugging_mvcc_keys_total',
        'etcd_debugging_mvcc_total_put_size_in_bytes',
        'etcd_debugging_mvcc_current_revision',
        'etcd_debugging_mvcc_compact_revision',
        'etcd_server_health_success',
        'etcd_server_health_failures',
        'etcd_debugging_auth_revision',
        'etcd_server_has_leader',
        'etcd_server_is_leader',
        'etcd_server_quota_backend_bytes',
        `etcd_cluster_version{cluster_version="${minor}"}`,
        `etcd_server_version{server_version="${release}"}`,
      ),
    ).toEqual(['4', '15', '6', '-1', '2', '0', '1', '1', '1', '2.147483648e+09', '1', '1']);
  });

  test('compaction and a failed health check are counted', () => {
    talk.ok('KV/Compact', {revision: 6});
    talk.cluster.advance(1_000_000);
    talk.ok('Maintenance/Alarm', {action: 'activate', memberId: '0000000000000063', alarm: 'nospace'});
    talk.cluster.http(0, 'client', 'GET', '/health');
    const page = pageOf(talk);
    // k1 was put and deleted.
    expect(page).toContain('etcd_debugging_mvcc_db_compaction_keys_total 2');
    expect(page).toContain('etcd_debugging_mvcc_compact_revision 6');
    expect(page).toContain('etcd_server_health_failures 1');
    expect(page).toContain('etcd_server_health_success 2');
  });
});

test('what older releases of a branch do not have yet', () => {
  const namesOf = (release: string) =>
    pageOf(new Talk({release}))
      .filter((line) => line.startsWith('# TYPE'))
      .map((line) => line.split(' ')[2]);
  expect(namesOf('3.0.17')).not.toContain('etcd_server_is_leader');
  expect(namesOf('3.0.17')).toContain('etcd_debugging_mvcc_put_total');
  expect(namesOf('3.3.8')).not.toContain('etcd_mvcc_db_total_size_in_bytes');
  expect(namesOf('3.3.9')).toContain('etcd_mvcc_db_total_size_in_bytes');
  expect(namesOf('3.3.17')).not.toContain('etcd_cluster_version');
  expect(namesOf('3.4.7')).not.toContain('etcd_debugging_auth_revision');
});

test('numbers are written as Go writes them', () => {
  const written = [0, 1, -1, 999_999, 1_000_000, 1_048_576, 2_147_483_648, 12_345_678, 1e21].map(numberText);
  // strconv.FormatFloat(x, 'g', -1, 64)
  expect(written).toEqual([
    '0',
    '1',
    '-1',
    '999999',
    '1e+06',
    '1.048576e+06',
    '2.147483648e+09',
    '1.2345678e+07',
    '1e+21',
  ]);
});
