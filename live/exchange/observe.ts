// live/exchange/observe.ts: everything that a cluster serves from its data directories, asked over its own RPCs, as plain data.
// Two clusters on equal directories must give equal observations. Not in them: raft term and index (elections), sizes, leader.
import {InputError} from '../../base/input-error.ts';
import {type Fields, fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {Reply, World} from '../world.ts';
import {WorldDied} from '../world.ts';
import {ROOT_PASSWORD} from './sequence.ts';

/** What one cluster serves. The parts are in the order in which they are compared. */
export interface Observation {
  /** At the current revision: keys and hash at every member. */
  readonly current: Plain;
  /** At revisions that both clusters have in any case: `history.r17.keys`. */
  readonly history: Plain;
  /** Leases with what they were granted and their keys. */
  readonly leases: Plain;
  readonly members: Plain;
  readonly alarms: Plain;
  readonly auth: Plain;
  /** What each user may do, and with which password. */
  readonly permissions: Plain;
  /** That it goes on: what writes are answered, and what is there after them. */
  readonly afterwards: Plain;

  /** Seconds that leases have left; compared within a tolerance. */
  readonly ttls: ReadonlyMap<string, number>;
  readonly revision: number;
  readonly compactRevision: number;
  readonly counts: ObservedCounts;
}

/** That there was something to compare. */
export interface ObservedCounts {
  readonly keys: number;
  readonly revisions: number;
  readonly leases: number;
  readonly users: number;
  readonly members: number;
  readonly learners: number;
  readonly alarms: number;
  readonly authEnabled: boolean;
}

export interface ObserveOptions {
  /** The newest revision that anybody was told before the crash. */
  readonly acknowledgedRevision: number;
  /** One member: it recovers one state only. With several, the election decides about the last entries. */
  readonly isExact: boolean;
}

const READY_MS_MAX = 40_000;
const POLL_MS = 20;
/** Compactions that the crash interrupted are finished by then, and batches committed. */
const SETTLE_MS = {real: 250, simulated: 3_000} as const;
/** gRPC: nobody there, or no leader. */
const UNAVAILABLE = 14;
const REVISIONS_MAX = 12;
const PASSWORDS = ['pw', 'pw2', 'hashed', ROOT_PASSWORD];
const PROBED_KEYS = ['a', 'b', 'k0', 'k4', 'leased/1', 'z'];
const EVERYTHING = {key: '\0', range_end: '\0'};

/** Asks calls of one cluster with root's token, where there is one. */
class Asker {
  private readonly world: World;
  private readonly codec: Codec;
  private readonly isExact: boolean;
  token: string | undefined;

  constructor(world: World, codec: Codec, isExact: boolean) {
    this.world = world;
    this.codec = codec;
    this.isExact = isExact;
  }

  async reply(rpcName: string, request: Plain, member = 0, token = this.token): Promise<Reply> {
    const rpc = this.codec.rpc(rpcName);
    const metadata: Record<string, string> = token === undefined ? {} : {token};
    return this.world.call(member, rpc.path, this.codec.encode(rpc, request), metadata);
  }

  /** The fields of a good answer. */
  async fields(rpcName: string, request: Plain, member = 0): Promise<Fields> {
    const reply = await this.reply(rpcName, request, member);
    return reply.kind === 'ok' ? (fieldsOf(this.codec.decode(this.codec.rpc(rpcName), reply.response)) ?? {}) : {};
  }

  /** The answer or the error as it is compared: without the term, and without a revision that the election decides. */
  async outcome(rpcName: string, request: Plain, member = 0, token = this.token): Promise<Plain> {
    const reply = await this.reply(rpcName, request, member, token);
    if (reply.kind === 'silence') return 'no answer';
    if (reply.kind === 'error') return `error ${reply.code}: ${reply.message}`;
    const answer = fieldsOf(this.codec.decode(this.codec.rpc(rpcName), reply.response)) ?? {};
    const header = fieldsOf(answer['header']) ?? {};
    const {cluster_id: clusterId = '', member_id: memberId = '', revision = ''} = header;
    return {...answer, header: this.isExact ? {clusterId, memberId, revision} : {clusterId, memberId}};
  }
}

/** Waits until the cluster serves all it has recovered, and asks for it. Changes the cluster at the end. */
export async function observe(world: World, codec: Codec, options: ObserveOptions): Promise<Observation> {
  const {acknowledgedRevision, isExact} = options;
  const asker = new Asker(world, codec, isExact);
  await untilReady(asker, world);
  await world.sleep(world.freeTime ? SETTLE_MS.simulated : SETTLE_MS.real);
  const login = await logIn(asker);
  const indexes = world.members.map((_, index) => index);
  const revision = Number(textOf(fieldsOf((await asker.fields('KV/Range', EVERYTHING))['header'])?.['revision']));
  const compactRevision = Number(textOf((await asker.fields('Maintenance/HashKV', {}))['compact_revision']));
  const current: Fields = Object.fromEntries(
    await inTurn(indexes, async (member) => [`member${member}`, await keysAndHash(asker, 0, member)] as const),
  );
  const revisions = revisionsOf(compactRevision, isExact ? revision : acknowledgedRevision);
  const history: Fields = Object.fromEntries(
    await inTurn(revisions, async (at) => [`r${at}`, await keysAndHash(asker, at, 0)] as const),
  );
  const {leases, ttls} = await askLeases(asker);
  const members = await asker.outcome('Cluster/MemberList', {});
  const alarms = sortedField(await asker.outcome('Maintenance/Alarm', {action: 'GET'}), 'alarms');
  const {auth, users} = await askAuth(asker, login);
  const permissions = await askPermissions(asker, users);
  const afterwards = await goOn(asker, isExact);
  return {
    current: {revision, compactRevision, ...current},
    history,
    leases,
    members,
    alarms,
    auth,
    permissions,
    afterwards,
    ttls,
    revision,
    compactRevision,
    counts: {
      keys: listOf(fieldsOf(current['member0'])?.['keys'], 'kvs').length,
      revisions: revisions.length,
      leases: ttls.size,
      users: users.length,
      members: listOf(members, 'members').length,
      learners: listOf(members, 'members').filter((member) => fieldsOf(member)?.['isLearner'] === true).length,
      alarms: listOf(alarms, 'alarms').length,
      authEnabled: asker.token !== undefined,
    },
  };
}

/** A list in an answer; empty where there is no such list. */
function listOf(answer: Plain | undefined, field: string): readonly Plain[] {
  const list = fieldsOf(answer)?.[field];
  return Array.isArray(list) ? (list as readonly Plain[]) : [];
}

/** One after the other: real members would answer at once, the simulated ones share a clock. */
async function inTurn<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await act(item));
  return results;
}

/** Every member has applied all that is committed: a linearizable read waits for that, and for a leader. */
async function untilReady(asker: Asker, world: World): Promise<void> {
  const startedMs = world.nowMs();
  for (const member of world.members.keys()) {
    for (;;) {
      const read = await asker.reply('KV/Range', {key: 'ready', count_only: true}, member);
      // A refusal for want of a user comes after the wait as well.
      if (read.kind === 'ok' || (read.kind === 'error' && read.code !== UNAVAILABLE)) break;
      if (world.nowMs() - startedMs > READY_MS_MAX)
        throw new WorldDied(world.name, `member ${member} does not serve within ${READY_MS_MAX / 1000} s`);
      await world.sleep(POLL_MS);
    }
  }
}

/** Root's token, where authentication is on; how the attempt was answered is part of what is compared. */
async function logIn(asker: Asker): Promise<Plain> {
  const request = {name: 'root', password: ROOT_PASSWORD};
  const token = textOf((await asker.fields('Auth/Authenticate', request))['token']);
  if (token === '') return asker.outcome('Auth/Authenticate', request);
  asker.token = token;
  return 'root has a token';
}

async function keysAndHash(asker: Asker, revision: number, member: number): Promise<Plain> {
  return {
    keys: await asker.outcome('KV/Range', {...EVERYTHING, revision, serializable: true}, member),
    hash: await asker.outcome('Maintenance/HashKV', {revision}, member),
  };
}

/** Just compacted, the first that is not, the newest, one in the future, and some between. */
function revisionsOf(compactRevision: number, newest: number): number[] {
  const first = Math.max(1, compactRevision);
  const steps = Math.max(1, Math.min(REVISIONS_MAX - 4, newest - first));
  const spread = Array.from({length: steps + 1}, (_, step) => first + Math.floor(((newest - first) * step) / steps));
  return [...new Set([first - 1, ...spread, newest + 10_000])].filter((at) => at > 0);
}

async function askLeases(asker: Asker): Promise<{leases: Plain; ttls: Map<string, number>}> {
  const answer = await asker.fields('Lease/LeaseLeases', {});
  const ids = listOf(answer, 'leases').map((lease) => textOf(fieldsOf(lease)?.['ID']));
  const ttls = new Map<string, number>();
  const leases = await inTurn(ids.sort(), async (ID) => {
    const answer = fieldsOf(sortedField(await asker.outcome('Lease/LeaseTimeToLive', {ID, keys: true}), 'keys')) ?? {};
    ttls.set(ID, Number(answer['TTL']));
    return [`lease${ID}`, {...answer, TTL: null}] as const;
  });
  return {leases: {...Object.fromEntries(leases), list: ids}, ttls};
}

/** Lists that a server reads from a Go map. */
function sortedField(answer: Plain, field: string): Plain {
  const fields = fieldsOf(answer);
  const list = fields?.[field];
  if (fields === undefined || !Array.isArray(list)) return answer;
  const keyed = (list as readonly Plain[]).map((item) => ({item, text: JSON.stringify(item)}));
  keyed.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return {...fields, [field]: keyed.map(({item}) => item)};
}

async function askAuth(asker: Asker, login: Plain): Promise<{auth: Plain; users: string[]}> {
  const userList = await asker.outcome('Auth/UserList', {});
  const roleList = await asker.outcome('Auth/RoleList', {});
  const users = listOf(userList, 'users').map(textOf);
  const userEntries = await inTurn(users, async (name) => [name, await asker.outcome('Auth/UserGet', {name})] as const);
  const roleEntries = await inTurn(
    listOf(roleList, 'roles').map(textOf),
    async (role) => [role, await asker.outcome('Auth/RoleGet', {role})] as const,
  );
  const auth = {
    login,
    status: await asker.outcome('Auth/AuthStatus', {}), // unknown before 3.5, which both sides say
    userList,
    roleList,
    users: Object.fromEntries(userEntries),
    roles: Object.fromEntries(roleEntries),
  };
  return {auth, users};
}

/** Each user with each password that was ever given out, and what may be read and written then. */
async function askPermissions(asker: Asker, users: readonly string[]): Promise<Plain> {
  const entries = await inTurn(users, async (name) => {
    const logins: Record<string, Plain> = {};
    for (const password of PASSWORDS) {
      const reply = await asker.fields('Auth/Authenticate', {name, password});
      const token = textOf(reply['token']);
      if (token === '') {
        logins[password] = await asker.outcome('Auth/Authenticate', {name, password});
        continue;
      }
      const probes: Record<string, Plain> = {};
      for (const key of PROBED_KEYS) {
        probes[`read ${key}`] = kindOf(await asker.outcome('KV/Range', {key, count_only: true}, 0, token));
        probes[`write ${key}`] = kindOf(await asker.outcome('KV/Put', {key, value: name}, 0, token));
      }
      probes['read everything'] = kindOf(await asker.outcome('KV/Range', {...EVERYTHING, limit: 1}, 0, token));
      logins[password] = probes;
    }
    return [name, logins] as const;
  });
  return Object.fromEntries(entries);
}

const kindOf = (outcome: Plain): Plain => (typeof outcome === 'string' ? outcome : 'allowed');

/** Writes of every kind, and the whole again where it must be the same. */
async function goOn(asker: Asker, isExact: boolean): Promise<Plain> {
  const tell = async (rpc: string, request: Plain): Promise<Plain> => {
    const outcome = await asker.outcome(rpc, request);
    return isExact ? outcome : kindOf(outcome);
  };
  return {
    put: await tell('KV/Put', {key: 'afterwards', value: 'x', prev_kv: true}),
    overwrite: await tell('KV/Put', {key: 'leased/1', value: 'x', prev_kv: true}),
    grant: await tell('Lease/LeaseGrant', {TTL: 777, ID: 999_999}),
    attach: await tell('KV/Put', {key: 'afterwards/2', value: 'x', lease: 999_999}),
    remove: await tell('KV/DeleteRange', {key: 'end/', range_end: 'end0', prev_kv: true}),
    role: await tell('Auth/RoleAdd', {name: 'afterwards'}),
    end: isExact ? await keysAndHash(asker, 0, 0) : null,
  };
}

/** Where two observations first differ, with both values; fields are compared in the order of Observation. */
export const COMPARED_PARTS = [
  'current',
  'history',
  'leases',
  'members',
  'alarms',
  'auth',
  'permissions',
  'afterwards',
] as const satisfies readonly (keyof Observation)[];

/** An observation says nothing about a cluster that did not answer its first questions. */
export function checkSaysSomething(world: World, {revision, counts}: Observation): void {
  if (Number.isInteger(revision) && revision > 0 && counts.keys > 0) return;
  throw new InputError(`the ${world.name} cluster serves no keys at all: nothing was compared`);
}
