// What an error tells about a write: certainly nothing, or nobody knows.
import {expect, test} from 'vitest';
import {effectOf} from './effects.ts';

test.each([
  ['InvalidArgument', 'etcdserver: key is not provided', 'none'],
  ['OutOfRange', 'etcdserver: mvcc: required revision has been compacted', 'none'],
  ['NotFound', 'etcdserver: requested lease not found', 'none'],
  ['PermissionDenied', 'etcdserver: permission denied', 'none'],
  ['ResourceExhausted', 'etcdserver: too many requests', 'none'],
  ['ResourceExhausted', 'grpc: received message larger than max (4194305 vs. 4194304)', 'none'],
  ['Unknown', 'raft proposal dropped', 'none'],
  ['Unavailable', 'etcdserver: no leader', 'none'],
  ['Unavailable', 'etcdserver: not capable', 'none'],
  ['Unavailable', 'etcdserver: rpc not supported for learner', 'none'],
  ['DataLoss', 'etcdserver: corrupt cluster', 'none'],
  // The quota looks before the request is applied and complains behind it (quotaApplierV3.Put).
  ['ResourceExhausted', 'etcdserver: mvcc: database space exceeded', 'unknown'],
  ['ResourceExhausted', 'something nobody has seen', 'unknown'],
  ['Unavailable', 'etcdserver: request timed out', 'unknown'],
  ['Unavailable', 'etcdserver: request timed out, possibly due to previous leader failure', 'unknown'],
  ['Unavailable', 'etcdserver: request timed out, possibly due to connection lost', 'unknown'],
  ['Unavailable', 'etcdserver: leader changed', 'unknown'],
  ['Unavailable', 'etcdserver: server stopped', 'unknown'],
  ['Unavailable', 'error reading from server: connection reset', 'unknown'],
  ['DeadlineExceeded', 'context deadline exceeded', 'unknown'],
  ['Canceled', 'etcdserver: request canceled', 'unknown'],
  ['Internal', 'a panic', 'unknown'],
  ['Aborted', 'whatever', 'unknown'],
  ['DataLoss', 'whatever', 'unknown'],
  ['Unknown', 'something nobody has seen', 'unknown'],
])('%s: %s means %s', (code, message, effect) => {
  expect(effectOf(code, message)).toBe(effect);
  expect(effectOf(code, message, '/etcdserverpb.KV/Put')).toBe(effect);
});

test('a lock or an election is several writes, so no error is a proof, unless the service does not exist', () => {
  expect(effectOf('Unknown', 'raft proposal dropped', '/v3lockpb.Lock/Lock')).toBe('unknown');
  expect(effectOf('NotFound', 'etcdserver: requested lease not found', '/v3electionpb.Election/Campaign')).toBe(
    'unknown',
  );
  expect(effectOf('Unimplemented', 'unknown service v3lockpb.Lock', '/v3lockpb.Lock/Lock')).toBe('none');
});
