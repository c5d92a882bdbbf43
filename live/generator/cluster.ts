// live/generator/cluster.ts: the member list, and every way in which a change of it is refused; and a member that is added,
// never starts, and is removed again.
import * as fc from 'fast-check';
import type {GroupOp, Op} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {asOp, call, type Features, fixedCall, memberOf, message, odds, one, reference} from './arbitraries.ts';
import {kvOp} from './kv.ts';

const ADDED = reference({$: 'added', slot: 0});
/** Nobody listens there; the port is one that no free port is drawn from. */
const FREE_URL = 'http://127.0.0.1:7';

const badUrls = odds<Plain>(
  [
    1,
    one<Plain>(
      [],
      ['not a url'],
      ['127.0.0.1:1'],
      ['http://127.0.0.1'],
      ['ftp://127.0.0.1:7'],
      [''],
      ['http://127.0.0.1:7/path'],
    ),
  ],
  [2, fc.constant<Plain>([reference({$: 'url', of: 0})])],
);
const unknownId = one<Plain>(99_999, 0, '18446744073709551615');

const ownUrl = (index: number): Plain => ({
  ID: reference({$: 'member', index}),
  peerURLs: [reference({$: 'url', of: index})],
});

const promoteId = (features: Features): fc.Arbitrary<Plain> =>
  odds<Plain>([1, unknownId], [1, memberOf(features).map((index) => reference({$: 'member', index}))]);

function refused(features: Features): fc.Arbitrary<Op> {
  const ask = (rpc: string, request: fc.Arbitrary<Plain>): fc.Arbitrary<Op> =>
    asOp(call(features, `Cluster/${rpc}`, request));
  return odds<Op>(
    [10, ask('MemberList', message({}, {linearizable: [2, fc.constant<Plain>(true)]}))],
    [4, ask('MemberAdd', message({peerURLs: badUrls}, {isLearner: [3, fc.constant<Plain>(true)]}))],
    [3, ask('MemberUpdate', message({ID: unknownId, peerURLs: one<Plain>([FREE_URL], [])}))],
    // Unchecked by the server: any other URL of a running member would be taken, and cut it off.
    [
      2,
      ask(
        'MemberUpdate',
        memberOf(features).map((index) => ownUrl(index)),
      ),
    ],
    [3, ask('MemberRemove', message({ID: unknownId}))],
    // Sent to the first leader: with authentication a follower tries for 7 s to pass it on (20792).
    [3, promoteId(features).map((ID): Op => fixedCall('Cluster/MemberPromote', {ID}))],
    // The only member of a cluster cannot be removed.
    ...(features.memberCount === 1
      ? [[2, ask('MemberRemove', fc.constant<Plain>({ID: reference({$: 'member', index: 0})}))] as const]
      : []),
  );
}

/** A learner, or (with three members, where a fourth costs no quorum) a voter. */
const visitor = (features: Features): fc.Arbitrary<GroupOp> =>
  fc
    .record({
      member: memberOf(features),
      isLearner: features.memberCount > 1 ? fc.boolean() : fc.constant(true),
      meanwhile: fc.array(kvOp(features), {maxLength: 4}),
      updated: fc.boolean(),
    })
    .map(({member, isLearner, meanwhile, updated}): GroupOp => {
      const ask = (rpc: string, request: Plain, at = member) => fixedCall(`Cluster/${rpc}`, request, {member: at});
      const learner: Plain = isLearner && features.learners ? {isLearner: true} : {};
      return {
        op: 'group',
        why: 'a member is added, never starts, and is removed',
        ops: [
          fixedCall(
            'Cluster/MemberAdd',
            {peerURLs: [FREE_URL], ...(learner as object)},
            {member, bind: {kind: 'member', slot: 0}},
          ),
          ask('MemberList', {}),
          fixedCall(
            'Cluster/MemberAdd',
            {peerURLs: ['http://127.0.0.1:9'], ...(learner as object)},
            {member, bind: {kind: 'member', slot: 1}},
          ),
          ask('MemberAdd', {peerURLs: [FREE_URL], ...(learner as object)}),
          ask('MemberPromote', {ID: ADDED}, 0),
          ...meanwhile.flatMap((op) => (op.op === 'group' ? op.ops : [op])),
          ...(updated ? [ask('MemberUpdate', {ID: ADDED, peerURLs: ['http://127.0.0.1:11']})] : []),
          ask('MemberList', {linearizable: true}),
          ask('MemberRemove', {ID: ADDED}),
          ask('MemberRemove', {ID: ADDED}),
          ask('MemberRemove', {ID: reference({$: 'added', slot: 1})}),
          ask('MemberUpdate', {ID: ADDED, peerURLs: [FREE_URL]}),
          ask('MemberList', {}),
        ],
      };
    });

export function clusterOp(features: Features): fc.Arbitrary<Op> {
  const canHost = features.learners || features.memberCount > 1;
  return odds<Op>([40, refused(features)], ...(canHost ? [[1, asOp(visitor(features))] as const] : []), [
    20,
    kvOp(features),
  ]);
}
