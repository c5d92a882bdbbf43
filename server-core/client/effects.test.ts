// What an error tells about a write: certainly nothing, or nobody knows.
import {expect, test} from 'vitest';
import {effectOf} from './effects.ts';

test.each([
  ['InvalidArgument', 'etcdserver: key is not provided', 'none'],
  ['OutOfRange', 'etcdserver: mvcc: required revision has been compacted', 'none'],
  ['ResourceExhausted', 'etcdserver: too many requests', 'none'],
  ['Unknown', 'raft proposal dropped', 'none'],
  ['Unavailable', 'etcdserver: request timed out', 'unknown'],
  ['Unavailable', 'etcdserver: leader changed', 'unknown'],
  ['Unavailable', 'error reading from server: connection reset', 'unknown'],
  ['DeadlineExceeded', 'context deadline exceeded', 'unknown'],
  ['Unknown', 'something nobody has seen', 'unknown'],
])('%s: %s means %s', (code, message, effect) => {
  expect(effectOf(code, message)).toBe(effect);
});
