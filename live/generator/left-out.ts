// live/generator/left-out.ts: what a plan never asks, mostly because a real server dies, hangs or loses its quorum
// on it: a comparison cannot say anything about what follows. Each is named with its reason.

export interface LeftOut {
  readonly what: string;
  readonly reason: string;
}

export const LEFT_OUT: readonly LeftOut[] = [
  {
    what: 'a transaction with a delete of [a, \\0) and a put',
    reason:
      'the check for overlaps makes an interval that ends before it begins and panics while merging (applier checks)',
  },
  {
    what: 'a range with an unknown sort_target',
    reason: 'the server panics: applyV3 executeRange knows no sorter for it',
  },
  {
    what: 'Defragment while files cannot be opened (18810), a heartbeat to the wrong member (17081)',
    reason: 'known crashes of 3.3 to 3.5 that need damage from outside; they are scenarios, not requests',
  },
  {
    what: 'a token that names an index of the future (x.99)',
    reason:
      'the server waits until it has applied that many entries: the call ends with its deadline, whenever that is',
  },
  {
    what: 'RoleAdd without a name up to 3.3, UserAdd without a name in 3.0',
    reason: 'the server dies: "mvcc/backend: cannot put key into bucket (key required)"',
  },
  {
    what: '3.0, 3.1: an empty operation in a transaction, or a nested transaction, which is one there',
    reason: 'the server dies as it puts the answer, which has nothing in that place, on the wire',
  },
  {
    what: 'adding a voter to a cluster of one',
    reason: 'the new member is not there, so the quorum of two is lost and every later request times out',
  },
  {
    what: 'removing or moving a member that runs',
    reason: 'its process ends (removed) or loses its peers (other URL): nothing is left to compare there',
  },
  {
    what: 'Downgrade ENABLE to the minor below',
    reason: 'the cluster version then changes in the background, at a time of the server’s own',
  },
  {
    what: 'a bytes field that is empty and yet written out',
    reason:
      'no proto3 writer does that; Go tells it from an absent one, and takes such a range_end for "and everything above"',
  },
  {
    what: 'numbers beyond 2^53 in revisions and TTLs',
    reason: 'the simulation computes with exact integers up to 2^53 and refuses larger ones; etcd takes all 64 bits',
  },
  {
    what: 'waiting for a lock or an election, and observing one, while authentication is on',
    reason:
      'they wait on a watch stream inside the server that all of them share with the permissions of the first; whether one from ' +
      'before authentication is still open is a race (two real servers differ)',
  },
  {
    what: 'leases that expire at a time of their own beside other operations',
    reason: 'the revision of the expiry would depend on the clock; expiry is compared in groups that wait for it',
  },
  {
    what: 'GET /debug/vars',
    reason:
      'it answers 200 with the command line, the memory and the raft status of the process; the model has no such page: 404',
  },
  {
    what: 'JWT tokens',
    reason:
      'both clusters start with simple tokens; a JWT is signed over the wall clock, and the simulation has a clock of its own',
  },
  {
    what: 'automatic compaction, lease checkpoints, the quota of the store',
    reason:
      'both clusters start with the defaults: off, off, and 2 GiB, which no sequence fills; NOSPACE is raised by hand',
  },
  {
    what: 'restarts, crashes and upgrades of members',
    reason:
      'a sequence is asked of members that stay up; what comes after a start is compared by `npm run exchange` and `etcdsim real rolling-upgrade`',
  },
  {
    what: 'a cluster without a leader: members paused or cut off',
    reason:
      'how long each call then waits depends on timers of both sides; what real ones answer is a recorded table (scenarios/conformance/no-leader.test.ts)',
  },
];
