// live/generator/maintenance.ts: what an operator asks one member, and the HTTP pages that watch over it.
import * as fc from 'fast-check';
import type {GroupOp, HttpOp, Op} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {
  asOp,
  call,
  type Features,
  fixedCall,
  memberOf,
  message,
  odds,
  one,
  reference,
  revision,
} from './arbitraries.ts';
import {kvOp} from './kv.ts';

const empty = fc.constant<Plain>({});
const memberId = (features: Features): fc.Arbitrary<Plain> =>
  odds<Plain>([5, memberOf(features).map((index) => reference({$: 'member', index}))], [1, one<Plain>(0, 99_999)]);

const CLIENT_PATHS = [
  '/health',
  '/health?serializable=true',
  '/health?exclude=NOSPACE',
  '/version',
  '/livez',
  '/livez?verbose',
  '/readyz',
  '/readyz?verbose',
  '/nothing-here',
];
const PEER_PATHS = ['/version', '/members', '/raft/probing'];

const page = (features: Features): fc.Arbitrary<HttpOp> =>
  odds<Pick<HttpOp, 'port' | 'path'>>(
    [3, fc.constantFrom(...CLIENT_PATHS).map((path) => ({port: 'client' as const, path}))],
    [1, fc.constantFrom(...PEER_PATHS).map((path) => ({port: 'peer' as const, path}))],
  ).chain((which) => memberOf(features).map((member): HttpOp => ({op: 'http', member, ...which})));

/** An alarm is raised, met by some operations, and taken back: raised for good, it would silence the rest of the plan. */
const alarm = (features: Features): fc.Arbitrary<GroupOp> =>
  fc
    .record({
      type: fc.constantFrom('NOSPACE', 'NOSPACE', 'CORRUPT'),
      id: memberId(features),
      meanwhile: fc.array(kvOp(features), {minLength: 2, maxLength: 6}),
      seen: page(features),
      member: memberOf(features),
    })
    .map(({type, id, meanwhile, seen, member}): GroupOp => {
      const ask = (action: string, more: Readonly<Record<string, Plain>> = {}) =>
        fixedCall('Maintenance/Alarm', {action, ...more}, {member});
      return {
        op: 'group',
        why: `alarm ${type}`,
        ops: [
          ask('ACTIVATE', {memberID: id, alarm: type}),
          ...meanwhile.flatMap((op) => (op.op === 'group' ? op.ops : [op])),
          fixedCall('Lease/LeaseGrant', {TTL: 700, ID: 170}, {member}),
          fixedCall('Maintenance/Status', {}, {member}),
          ask('GET', {alarm: type}),
          seen,
          ask('DEACTIVATE', {memberID: id, alarm: type}),
          ask('GET'),
        ],
      };
    });

const alarmRequest = (features: Features): fc.Arbitrary<Plain> =>
  odds<Plain>(
    [
      3,
      message(
        {action: one<Plain>('GET')},
        {alarm: [2, one<Plain>('NONE', 'NOSPACE', 'CORRUPT')], memberID: [2, memberId(features)]},
      ),
    ],
    [
      1,
      message({
        action: one<Plain>('DEACTIVATE'),
        alarm: one<Plain>('NOSPACE', 'CORRUPT'),
        memberID: memberId(features),
      }),
    ],
  );

const downgrade = odds<Plain>(
  [
    3,
    message({
      action: one<Plain>('VALIDATE'),
      version: one<Plain>('3.4.0', '3.5.0', '3.3.0', '3.6.0', '3.5', '', 'x.y'),
    }),
  ],
  [1, message({action: one<Plain>('CANCEL')})],
);

export function maintenanceOp(features: Features): fc.Arbitrary<Op> {
  const ask = (rpc: string, request: fc.Arbitrary<Plain>): fc.Arbitrary<Op> =>
    asOp(call(features, `Maintenance/${rpc}`, request));
  return odds<Op>(
    [20, ask('Status', empty)],
    [12, ask('Alarm', alarmRequest(features))],
    [3, asOp(alarm(features))],
    [8, ask('Defragment', empty)],
    [8, ask('Hash', empty)],
    [30, ask('HashKV', message({}, {revision: [2, revision]}))],
    [4, ask('Snapshot', empty)],
    [6, ask('Downgrade', downgrade)],
    [25, asOp(page(features))],
    [100, kvOp(features)],
  );
}

/** Moves the leadership about; with one member there is only itself to move to. */
export function moveLeaderOp(features: Features): fc.Arbitrary<Op> {
  return asOp(
    call(
      features,
      'Maintenance/MoveLeader',
      memberOf(features).map((index) => ({targetID: reference({$: 'member', index})})),
    ),
  );
}
