// live/generator/auth.ts: users, roles, permissions, tokens; authentication switched on and off; calls by people with more and
// fewer rights. Root keeps one password, so that `auto` callers can always get back in.
import * as fc from 'fast-check';
import type {CallOp, Op, SingleOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {asOp, call, type Features, fixedCall, key, message, odds, one, rangeEnd} from './arbitraries.ts';
import {kvOp} from './kv.ts';
import {leaseOp} from './lease.ts';
import {watchOp} from './watch.ts';

const ROOT_PASSWORD = 'root-secret';
/** bcrypt of 'hashed', cost 4. */
const HASH = 'JDJiJDA0JEU3Q3ouTmtjUGxPdUVNRXdTU1M1N3U4T0hCYm9IbzN5ZTJNcnNGRzdNWmo5MENPSlRIeG02';

const user = one<Plain>('alice', 'alice', 'bob', 'bob', 'carol', 'root', '');
const plainUser = one<Plain>('alice', 'bob', 'carol', '');
const role = one<Plain>('r0', 'r0', 'r1', 'root', 'r9', '');
const plainRole = one<Plain>('r0', 'r1', 'r2', '');
const namedRole = one<Plain>('r0', 'r0', 'r1', 'root', 'r9');
const password = one<Plain>('pw', 'pw', 'pw2', '');
const empty = fc.constant<Plain>({});

const permission = message({permType: one<Plain>('READ', 'WRITE', 'READWRITE'), key}, {range_end: [2, rangeEnd]});

const userAdd = message(
  {name: user, password},
  {
    options: [8, fc.constant<Plain>({no_password: true})],
    hashedPassword: [10, fc.constant<Plain>(HASH)],
  },
).map((request): Plain => {
  const fields = request as {readonly [field: string]: Plain};
  return fields['name'] === 'root' ? {name: 'root', password: ROOT_PASSWORD} : request;
});

/** See LEFT_OUT. */
const nameIt = (request: Plain): Plain => {
  const fields = request as {readonly [field: string]: Plain};
  return (fields['name'] ?? '') === '' ? {...fields, name: 'carol'} : request;
};

const authenticate = (features: Features): fc.Arbitrary<Op> =>
  fc.constantFrom('alice', 'bob').chain((name) =>
    asOp(
      call(features, 'Auth/Authenticate', message({name: fc.constant<Plain>(name), password}), {
        bind: {kind: 'token', slot: name},
      }),
    ),
  );

const rootAgain = (member: number): CallOp =>
  fixedCall(
    'Auth/Authenticate',
    {name: 'root', password: ROOT_PASSWORD},
    {
      member,
      as: 'nobody',
      bind: {kind: 'token', slot: 'root'},
    },
  );

/** Everything that it takes to switch authentication on, and people who may do something. */
const switchOn: Op = {
  op: 'group',
  why: 'authentication is switched on',
  ops: [
    fixedCall('Auth/AuthEnable', {}),
    fixedCall('Auth/RoleAdd', {name: 'root'}),
    fixedCall('Auth/UserAdd', {name: 'root', password: ROOT_PASSWORD}),
    fixedCall('Auth/UserGrantRole', {user: 'root', role: 'root'}),
    fixedCall('Auth/RoleAdd', {name: 'r0'}),
    fixedCall('Auth/RoleGrantPermission', {name: 'r0', perm: {permType: 'READWRITE', key: 'a', range_end: 'c'}}),
    fixedCall('Auth/UserAdd', {name: 'alice', password: 'pw'}),
    fixedCall('Auth/UserGrantRole', {user: 'alice', role: 'r0'}),
    fixedCall('Auth/AuthEnable', {}),
    rootAgain(0),
    fixedCall(
      'Auth/Authenticate',
      {name: 'alice', password: 'pw'},
      {as: 'nobody', bind: {kind: 'token', slot: 'alice'}},
    ),
  ],
};

const switchOff: SingleOp = fixedCall('Auth/AuthDisable', {});

function adminOp(features: Features): fc.Arbitrary<Op> {
  const named = (rpc: string, request: fc.Arbitrary<Plain>): fc.Arbitrary<Op> =>
    asOp(call(features, `Auth/${rpc}`, request));
  return odds<Op>(
    [4, named('UserAdd', features.refusesEmptyUser ? userAdd : userAdd.map(nameIt))],
    [4, named('UserGet', message({name: user}))],
    [3, named('UserList', empty)],
    [2, named('UserDelete', message({name: plainUser}))],
    [
      2,
      named(
        'UserChangePassword',
        message({name: plainUser, password}, {hashedPassword: [8, fc.constant<Plain>(HASH)]}),
      ),
    ],
    [6, named('UserGrantRole', message({user, role}))],
    [3, named('UserRevokeRole', message({name: plainUser, role}))],
    [5, named('RoleAdd', message({name: features.refusesEmptyRole ? role : namedRole}))],
    [4, named('RoleGet', message({role}))],
    [3, named('RoleList', empty)],
    [2, named('RoleDelete', message({role: plainRole}))],
    [10, named('RoleGrantPermission', message({name: role}, {perm: [1, permission]}))],
    [4, named('RoleRevokePermission', message({role, key}, {range_end: [2, rangeEnd]}))],
    [3, named('AuthStatus', empty)],
    [4, authenticate(features)],
    [1, named('Authenticate', message({name: user, password}))],
    [1, named('AuthEnable', empty)],
    [1, fc.constant<Op>(rootAgain(0))],
  );
}

/** The administration itself, whether authentication is on or off. */
export function authAdminOp(features: Features): fc.Arbitrary<Op> {
  return odds<Op>([10, adminOp(features)], [5, kvOp(features)]);
}

/** Switched on at some time, off at some later one; everything else meanwhile by whoever. */
export function authUseOp(features: Features): fc.Arbitrary<Op> {
  return odds<Op>(
    [2, fc.constant(switchOn)],
    [2, fc.constant<Op>(switchOff)],
    [10, adminOp(features)],
    [30, kvOp(features)],
    [8, watchOp(features)],
    [6, leaseOp(features)],
  );
}
