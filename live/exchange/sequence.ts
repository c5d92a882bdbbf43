// live/exchange/sequence.ts: what is done to a cluster before its data directories change hands, drawn from the seed.
// A frame makes sure that every data directory holds leases with keys, users, deletes and a compaction; in between stand
// operations of the comparison's generator, cut off anywhere, so that alarms and learners are sometimes left behind.
// Left out are reads (nothing of them is on a disk), leases that would expire before they are looked at, and what members do not do
// alike (18667: see withoutPast).
import {Random} from '../../base/random.ts';
import {fixedCall, reference} from '../generator/arbitraries.ts';
import {drawPlan} from '../generator/draw-plan.ts';
import {featuresOf} from '../generator/features.ts';
import {type CallOp, flatten} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';

/** Who writes the data directories first. */
export type Direction = 'real -> simulated' | 'simulated -> real';
export const DIRECTIONS: readonly Direction[] = ['real -> simulated', 'simulated -> real'];

/** How a member ends: `kill` keeps what it has written, a power cut what it has fsynced. Real ones are killed. */
export type Crash = 'kill' | 'power cut';

/** Calls that are under way when the members crash: begun in rounds, with so much of the world's own time after each. */
export interface InFlightRound {
  readonly calls: readonly CallOp[];
  readonly gapMs: number;
}

/** Everything that a seed decides. */
export interface Sequence {
  readonly memberCount: 1 | 3;
  /** --snapshot-count: small, so that there are .snap files and released WAL entries. */
  readonly snapshotCount: number;
  readonly calls: readonly CallOp[];
  readonly rounds: readonly InFlightRound[];
  /** One a member. */
  readonly crashes: readonly Crash[];
}

/** The password that the generator of authentication gives to root, always. */
export const ROOT_PASSWORD = 'root-secret';
/** Every so many seeds have three members. */
const THREE_MEMBERS_EVERY = 4;
const DRAWN_OPS_MIN = 60;
const DRAWN_OPS_MAX = 500;
/** Shorter leases might expire while we look. */
const TTL_MIN = 600;
const GIVEN_LEASES = [201, 202, 203] as const;

const KEPT_RPCS: ReadonlySet<string> = new Set([
  ...['Put', 'DeleteRange', 'Txn', 'Compact'].map((name) => `KV/${name}`),
  ...['LeaseGrant', 'LeaseRevoke'].map((name) => `Lease/${name}`),
  ...['AuthEnable', 'AuthDisable', 'Authenticate', 'UserAdd', 'UserDelete', 'UserChangePassword'].map(
    (name) => `Auth/${name}`,
  ),
  ...['UserGrantRole', 'UserRevokeRole', 'RoleAdd', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'].map(
    (name) => `Auth/${name}`,
  ),
  ...['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'].map((name) => `Cluster/${name}`),
  ...['Alarm', 'Defragment'].map((name) => `Maintenance/${name}`),
]);

/** The sequence of a seed. */
export function drawSequence(seed: number, release: string, direction: Direction): Sequence {
  const random = Random.fromSeed(seed).stream(`exchange/${direction}`);
  const memberCount = seed % THREE_MEMBERS_EVERY === 0 ? 3 : 1;
  const features = featuresOf(release, memberCount, seed);
  const opCount = random.between(DRAWN_OPS_MIN, DRAWN_OPS_MAX);
  const drawn = flatten(drawPlan(random.below(2 ** 31), opCount, features).map(({op}) => op)).slice(0, opCount);
  const isAuthOn = random.chance({numerator: 1, denominator: 2});
  return {
    memberCount,
    snapshotCount: random.between(10, 120),
    calls: [
      ...beginning(random),
      ...drawn.filter((op): op is CallOp => op.op === 'call' && isKept(op)).map(withoutPast),
      ...ending(),
      ...(isAuthOn ? authOn() : []),
      ...leftBehind(random, features.learners),
    ],
    rounds: drawRounds(random, memberCount, direction),
    crashes: Array.from({length: memberCount}, () =>
      direction === 'simulated -> real' && random.chance({numerator: 1, denominator: 2}) ? 'power cut' : 'kill',
    ),
  };
}

function isKept({rpc, request}: CallOp): boolean {
  if (!KEPT_RPCS.has(rpc)) return false;
  return rpc !== 'Lease/LeaseGrant' || Number((request as {readonly TTL?: Plain}).TTL) >= TTL_MIN;
}

/**
 * A transaction that reads a revision which is not there fails where it was sent to, and takes place where nobody waits for its answer
 * (18667): at the other members, and again in a replay. What is on the disks would depend on who was asked, so it reads the present.
 */
function withoutPast(call: CallOp): CallOp {
  return call.rpc === 'KV/Txn' ? {...call, request: presentOnly(call.request)} : call;
}

function presentOnly(given: Plain): Plain {
  if (given === null || typeof given !== 'object') return given;
  if (Array.isArray(given)) return given.map(presentOnly);
  return Object.fromEntries(
    Object.entries(given).map(([name, inner]) => {
      if (name !== 'request_range') return [name, presentOnly(inner)];
      const {revision: _left, ...range} = inner as {readonly [field: string]: Plain};
      return [name, range];
    }),
  );
}

const put = (key: string, value: string, lease?: number): CallOp =>
  fixedCall('KV/Put', lease === undefined ? {key, value} : {key, value, lease});

/** Keys with a history, leases with and without keys, users and roles. */
function beginning(random: Random): CallOp[] {
  return [
    ...Array.from({length: 24}, (_, index) => put(`k${random.below(5)}`, `first ${index}`)),
    ...GIVEN_LEASES.map((ID) => fixedCall('Lease/LeaseGrant', {TTL: random.between(TTL_MIN, 5_000), ID})),
    put('leased/1', 'x', GIVEN_LEASES[0]),
    put('leased/2', 'y', GIVEN_LEASES[0]),
    put('leased/3', 'z', GIVEN_LEASES[1]),
    put('leased/1', 'moved', GIVEN_LEASES[1]),
    put('leased/3', 'freed'),
    fixedCall('KV/DeleteRange', {key: 'k0', range_end: 'k3'}),
    fixedCall('Auth/RoleAdd', {name: 'r0'}),
    fixedCall('Auth/RoleGrantPermission', {name: 'r0', perm: {permType: 'READWRITE', key: 'a', range_end: 'c'}}),
    fixedCall('Auth/UserAdd', {name: 'alice', password: 'pw'}),
    fixedCall('Auth/UserGrantRole', {user: 'alice', role: 'r0'}),
    put('a', 'for alice'),
  ];
}

/** Whatever came between: tombstones on both sides of a compaction, a lease that is gone, several keys in one revision. */
function ending(): CallOp[] {
  return [
    put('end/1', '1'),
    put('end/2', '2'),
    fixedCall('KV/DeleteRange', {key: 'end/1'}),
    fixedCall('Lease/LeaseRevoke', {ID: GIVEN_LEASES[2]}),
    put('end/1', 'again'),
    fixedCall('KV/Compact', {revision: reference({$: 'rev', from: 'head', plus: -2})}),
    fixedCall('KV/Txn', {
      compare: [{key: 'end/2', target: 'VERSION', result: 'GREATER', version: 0}],
      success: [
        {request_put: {key: 'end/3', value: '3'}},
        {request_put: {key: 'end/4', value: '4'}},
        {request_delete_range: {key: 'end/2'}},
      ],
    }),
    fixedCall('KV/DeleteRange', {key: 'end/1', range_end: 'end/2'}),
    put('end/5', '5'),
  ];
}

/** Authentication is on from here, and alice may do something. What is there already is refused, which does no harm. */
function authOn(): CallOp[] {
  return [
    fixedCall('Auth/RoleAdd', {name: 'root'}),
    fixedCall('Auth/UserAdd', {name: 'root', password: ROOT_PASSWORD}),
    fixedCall('Auth/UserGrantRole', {user: 'root', role: 'root'}),
    fixedCall('Auth/RoleAdd', {name: 'r0'}),
    fixedCall('Auth/RoleGrantPermission', {name: 'r0', perm: {permType: 'READWRITE', key: 'a', range_end: 'c'}}),
    fixedCall('Auth/UserAdd', {name: 'alice', password: 'pw'}),
    fixedCall('Auth/UserGrantRole', {user: 'alice', role: 'r0'}),
    fixedCall('Auth/AuthEnable', {}),
    put('under/auth', 'yes'),
  ];
}

/** Nobody listens there, and no free port is that low. */
const NOBODY_URL = 'http://127.0.0.1:7';

/** In some seeds a learner that never started, and an alarm that was not taken back. */
function leftBehind(random: Random, learners: boolean): CallOp[] {
  const calls: CallOp[] = [];
  if (learners && random.chance({numerator: 1, denominator: 5}))
    calls.push(fixedCall('Cluster/MemberAdd', {peerURLs: [NOBODY_URL], isLearner: true}));
  const alarm = ['NOSPACE', 'NOSPACE', 'CORRUPT'][random.below(12)];
  if (alarm !== undefined)
    calls.push(
      fixedCall('Maintenance/Alarm', {action: 'ACTIVATE', alarm, memberID: reference({$: 'member', index: 0})}),
    );
  return calls;
}

/** Under way at the crash. Three members get only puts of new keys: which of the last ones survive, the election decides. */
function drawRounds(random: Random, memberCount: number, direction: Direction): InFlightRound[] {
  let number = 0;
  // A real member answers in parts of a millisecond, but our own timers know whole ones; virtual time has no such grain.
  const gapUsMax = direction === 'real -> simulated' ? 4_000 : 700;
  return Array.from({length: random.between(1, 8)}, () => ({
    calls: Array.from({length: random.between(2, 12)}, () => inFlightCall(random, memberCount, ++number)),
    gapMs: random.below(gapUsMax) / 1000,
  }));
}

function inFlightCall(random: Random, memberCount: number, number: number): CallOp {
  const member = random.below(memberCount);
  const key = `inflight/${String(number).padStart(3, '0')}`;
  const kind = memberCount === 1 ? random.below(10) : 9;
  if (kind === 0) return fixedCall('KV/DeleteRange', {key: 'inflight/', range_end: key});
  if (kind === 1) return fixedCall('Lease/LeaseGrant', {TTL: 900, ID: 5_000 + number});
  if (kind === 2) {
    const puts = Array.from({length: 5}, (_, index) => ({request_put: {key: `${key}/${index}`, value: 'txn'}}));
    return fixedCall('KV/Txn', {success: puts});
  }
  if (kind === 3) return fixedCall('KV/Compact', {revision: reference({$: 'rev', from: 'head', plus: -1})});
  const count = [3, 40, 5_000, 120_000][random.below(4)] ?? 3;
  return fixedCall('KV/Put', {key, value: reference({$: 'repeat', text: 'i', count})}, {member});
}
