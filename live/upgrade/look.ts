// live/upgrade/look.ts: what a cluster shows between two steps, asked over its own ports: /version, /health and the member list of each
// member that runs, and why it ended for one that ended of itself.
// Both worlds use the same URLs and the same token, so ids are equal too and nothing is left out of what is compared.
import {minorText} from '../../scenarios/life/expectations.ts';
import {fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

/** What one member shows; fields that its state does not have are empty. */
export interface MemberLook {
  readonly name: string;
  /** `down`, `running`, or `ended: <reason>`. */
  readonly state: string;
  readonly server: string;
  readonly cluster: string;
  /** 3.6 and newer. */
  readonly storage: string;
  /** What Maintenance.Status tells of versions, alarms and standing. */
  readonly status: string;
  /** Status and body of /health. */
  readonly health: string;
  /** Cluster id, own id and each member's id, name, URLs and learner flag, as this member lists them. */
  readonly memberList: string;
}

export const LOOK_FIELDS = [
  'state',
  'server',
  'cluster',
  'storage',
  'status',
  'health',
  'memberList',
] as const satisfies readonly (keyof MemberLook)[];

/**
 * Asks every member. `drawnIds` names members by ids that the cluster drew: MemberAdd takes the time into the hash (etcd:
 * membership.computeMemberId), so the name stands for the id.
 */
export async function lookAround(
  world: UpgradeWorld,
  codec: Codec,
  drawnIds: ReadonlyMap<string, string>,
): Promise<MemberLook[]> {
  const looks: MemberLook[] = [];
  for (const [index, {name}] of world.members.entries()) {
    const state = world.stateOf(index);
    if (state.kind === 'running') looks.push(await lookAt(world, codec, index, drawnIds));
    else if (state.kind === 'ended') looks.push({...NOTHING, name, state: `ended: ${state.reason}`});
    else looks.push({...NOTHING, name, state: 'down'});
  }
  return looks;
}

const NOTHING = {server: '', cluster: '', storage: '', status: '', health: '', memberList: ''};

async function lookAt(
  world: UpgradeWorld,
  codec: Codec,
  index: number,
  drawnIds: ReadonlyMap<string, string>,
): Promise<MemberLook> {
  const name = world.members[index]?.name ?? '';
  const version = await world.http(index, '/version');
  if (version === undefined) return {...NOTHING, name, state: 'running', health: 'no answer'};
  const {server, cluster, storage} = readVersion(version.body);
  const health = await world.http(index, '/health');
  return {
    name,
    state: 'running',
    server,
    cluster,
    storage,
    health: health === undefined ? 'no answer' : `${health.status} ${health.body.trim()}`,
    status: await askStatus(world, codec, index),
    memberList: await askMembers(world, codec, index, drawnIds),
  };
}

/** What is the same in both worlds of it: sizes, indexes and who leads are not. */
async function askStatus(world: UpgradeWorld, codec: Codec, index: number): Promise<string> {
  const rpc = codec.rpc('Maintenance/Status');
  const reply = await world.call(index, rpc.path, codec.encode(rpc, {}), {});
  if (reply.kind === 'silence') return 'no answer';
  if (reply.kind === 'error') return `error ${reply.code}: ${reply.message}`;
  const answer = fieldsOf(codec.decode(rpc, reply.response)) ?? {};
  const {version = '', storageVersion = '', errors = [], isLearner = false, downgradeInfo = null} = answer;
  return JSON.stringify({version, storageVersion, errors, isLearner, downgradeInfo});
}

function readVersion(body: string): Pick<MemberLook, 'server' | 'cluster' | 'storage'> {
  try {
    const fields = fieldsOf(JSON.parse(body) as Plain) ?? {};
    return {
      server: textOf(fields['etcdserver']),
      cluster: textOf(fields['etcdcluster']),
      storage: textOf(fields['storage']),
    };
  } catch {
    return {server: body.trim(), cluster: '', storage: ''};
  }
}

async function askMembers(
  world: UpgradeWorld,
  codec: Codec,
  index: number,
  drawnIds: ReadonlyMap<string, string>,
): Promise<string> {
  const rpc = codec.rpc('Cluster/MemberList');
  const reply = await world.call(index, rpc.path, codec.encode(rpc, {linearizable: true}), {});
  if (reply.kind === 'silence') return 'no answer';
  if (reply.kind === 'error') return `error ${reply.code}: ${reply.message}`;
  const answer = fieldsOf(codec.decode(rpc, reply.response)) ?? {};
  const header = fieldsOf(answer['header']) ?? {};
  const ownId = textOf(header['member_id']);
  const ids = `cluster ${textOf(header['cluster_id'])}, member ${drawnIds.get(ownId) ?? ownId}`;
  const members = Array.isArray(answer['members']) ? (answer['members'] as readonly Plain[]) : [];
  // By URL: the place of a drawn id in etcd's order by id is drawn as well.
  const listed = members.map((member) => describeMember(member, drawnIds)).sort((a, b) => (a.urls < b.urls ? -1 : 1));
  return `${ids}: ${listed.map(({urls, text}) => `${text} ${urls}`).join('; ')}`;
}

function describeMember(
  plain: Plain,
  drawnIds: ReadonlyMap<string, string>,
): {readonly urls: string; readonly text: string} {
  const {ID: id = '', name = '', peerURLs = [], clientURLs = [], isLearner = false} = fieldsOf(plain) ?? {};
  const shownId = drawnIds.get(textOf(id)) ?? textOf(id);
  const text = `${shownId} ${textOf(name) || '(not started)'}${isLearner === true ? ' learner' : ''}`;
  return {urls: [peerURLs, clientURLs].flat().join(' '), text};
}

/** What /version says of a storage version that it cannot tell. */
export const UNKNOWN_STORAGE = 'unknown';

/** rpctypes.ErrGPRCNotSupportedForLearner. */
const NOT_FOR_LEARNERS = 'rpc not supported for learner';

/** What the operator waits for. */
export interface Wanted {
  /** Release of each member that is to run, by name. */
  readonly running: ReadonlyMap<string, string>;
  /** They list no members. */
  readonly learners: ReadonlySet<string>;
  /** Undefined: whatever it is. Else `3.5.0`. */
  readonly clusterVersion: string | undefined;
  /** So many members in every list. */
  readonly memberCount: number;
  /** Has every member on the list been started and published itself? */
  readonly isPublished: boolean;
  /** A downgrade job is on; else every member has to say that there is none. */
  readonly hasJob: boolean;
  /** Members whose storage version is known to stay unknown: 3.6.0 to 3.6.4 find none where no membership change went before (#20494). */
  readonly unknownStorage: ReadonlySet<string>;
}

/** The first thing that is not yet as it should be; undefined: all is well. */
export function missingIn(
  looks: readonly MemberLook[],
  {running, learners, clusterVersion, memberCount, isPublished, hasJob, unknownStorage}: Wanted,
): string | undefined {
  for (const look of looks) {
    const {name, state, server, cluster, storage, status, health, memberList} = look;
    const release = running.get(name);
    if (release === undefined) continue;
    if (state !== 'running') return `${name} ${state}`;
    if (server !== release) return `${name} says it is '${server}'`;
    if (!/^200 .*"health": ?"true"/.test(health)) return `${name} is not healthy: ${health}`;
    const isLearner = learners.has(name) && memberList.endsWith(NOT_FOR_LEARNERS);
    if (!isLearner && (memberList.startsWith('error') || memberList === 'no answer'))
      return `${name} lists no members: ${memberList}`;
    if (!isLearner && memberList.split('; ').length !== memberCount)
      return `${name} does not list ${memberCount} members`;
    if (clusterVersion === undefined) continue;
    if (isPublished && memberList.includes('(not started)')) return `${name} lists a member that is not published`;
    if (cluster !== clusterVersion) return `${name} says the cluster's version is ${cluster}, not ${clusterVersion}`;
    if (!hasJob && status.includes('"enabled":true')) return `${name} still has a downgrade job`;
    if (storage === UNKNOWN_STORAGE && unknownStorage.has(name)) continue;
    if (storage !== '' && storage !== clusterVersion) return `${name} says its storage version is ${storage}`;
  }
  return undefined;
}

/** `3.5.0` of the lowest release. */
export function lowestVersion(releases: Iterable<string>): string {
  const minors = [...releases].map((release) => minorText(release)).sort((a, b) => minorNumber(a) - minorNumber(b));
  return `${minors[0] ?? ''}.0`;
}

const minorNumber = (minor: string): number => Number(minor.split('.')[1]);
