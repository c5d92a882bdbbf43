// server-core/membership/v2-members.ts: membership in the v2 store, below /0. etcd: membership/storev2.go (store.go before 3.6).
import {InvariantError} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {formatId, toMemberId} from '../../base/ids.ts';
import {EcodeKeyNotFound, EcodeNodeExist, isV2Error, type ShownNode, type V2Error} from '../v2store/node.ts';
import type {V2StoreOptions} from '../v2store/store.ts';
import {V2Store} from '../v2store/store.ts';
import type {Attributes, Member, RaftAttributes} from './member.ts';
import {
  decodeAttributes,
  decodeRaftAttributes,
  encodeAttributes,
  encodeRaftAttributes,
  jsonOfValue,
  jsonValue,
} from './member.ts';

/** StoreClusterPrefix and StoreKeysPrefix: what a server's v2 store is made with. */
const NAMESPACES = ['/0', '/1'];
const MEMBERS = '/0/members';
const REMOVED = '/0/removed_members';
export const CLUSTER_VERSION_PATH = '/0/version';

const memberPath = (id: MemberId): ByteString => `${MEMBERS}/${formatId(id)}`;
export const attributesPath = (id: MemberId): ByteString => `${memberPath(id)}/attributes`;
const raftAttributesPath = (id: MemberId): ByteString => `${memberPath(id)}/raftAttributes`;

const ATTRIBUTES_PATH = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/;

/** Whose attributes lie at that path; undefined for any other path. storeMemberAttributeRegexp. */
export function memberOfAttributesPath(path: ByteString): MemberId | undefined {
  const id = ATTRIBUTES_PATH.exec(path)?.[1];
  return id === undefined ? undefined : toMemberId(id);
}

/** An empty v2 store as a server makes it. */
export function newServerV2Store(nowNs: () => bigint, options?: V2StoreOptions): V2Store {
  return new V2Store(NAMESPACES, nowNs, options);
}

/**
 * Is there anything beside the cluster's own keys? `toleratesAuthPlaceholders`: what users and roles of the v2 API leave behind when
 * all of them are gone does not count (#20231). etcd: IsMetaStoreOnly.
 */
export function hasForeignKeys(
  store: V2Store,
  {toleratesAuthPlaceholders}: {readonly toleratesAuthPlaceholders: boolean},
): boolean {
  const root = store.get('/', true);
  if (isV2Error(root)) return false;
  return (root.node.nodes ?? []).some(({key, nodes = []}) => {
    if (key === '/0') return false;
    if (key === '/2' && toleratesAuthPlaceholders) return nodes.some((child) => (child.nodes ?? []).length > 0);
    return nodes.length > 0;
  });
}

export interface MembersAndRemoved {
  readonly members: ReadonlyMap<MemberId, Member>;
  readonly removed: ReadonlySet<MemberId>;
}

/** membersFromStore. Counts as reads in the store's statistics, as in etcd. */
export function readV2Members(store: V2Store): MembersAndRemoved {
  const members = new Map<MemberId, Member>();
  const removed = new Set<MemberId>();
  const all = store.get(MEMBERS, true);
  if (isV2Error(all)) return {members: must(all, EcodeKeyNotFound) && members, removed};
  for (const node of all.node.nodes ?? []) {
    const member = memberOf(node);
    members.set(member.id, member);
  }
  const gone = store.get(REMOVED, true);
  if (isV2Error(gone)) return {members, removed: must(gone, EcodeKeyNotFound) && removed};
  for (const {key} of gone.node.nodes ?? []) removed.add(idOfKey(key));
  return {members, removed};
}

/** The same for who looks in from outside: nothing is counted. */
export function peekV2Members(store: V2Store): MembersAndRemoved {
  const {getsSuccess, getsFail} = store.stats;
  const found = readV2Members(store);
  Object.assign(store.stats, {getsSuccess, getsFail});
  return found;
}

/** nodeToMember. */
function memberOf(node: ShownNode): Member {
  const id = idOfKey(node.key);
  let raft: RaftAttributes | undefined;
  let own: Attributes = {name: '', clientUrls: []};
  for (const {key, value} of node.nodes ?? []) {
    const json = jsonOfValue(value ?? '');
    if (key === `${node.key}/raftAttributes`) raft = decodeRaftAttributes(json);
    else if (key === `${node.key}/attributes`) own = decodeAttributes(json);
    else throw new InvariantError('unknown key below a member in the v2 store', {key});
  }
  if (raft === undefined) throw new InvariantError("raftAttributes key doesn't exist", {key: node.key});
  return {id, ...raft, ...own};
}

const idOfKey = (key: ByteString): MemberId => toMemberId(key.slice(key.lastIndexOf('/') + 1));

/** clusterVersionFromStore. */
export function readV2ClusterVersion(store: V2Store): string | undefined {
  const found = store.get(CLUSTER_VERSION_PATH, false);
  if (!isV2Error(found)) return found.node.value;
  must(found, EcodeKeyNotFound);
  return undefined;
}

/** mustSaveMemberToStore: raft attributes only. True when they were there already. */
export function saveV2Member(store: V2Store, member: Member): boolean {
  const value = jsonValue(encodeRaftAttributes(member));
  const made = store.create(raftAttributesPath(member.id), {dir: false, value, unique: false});
  return isV2Error(made) && must(made, EcodeNodeExist);
}

/** mustUpdateMemberInStore. */
export function updateV2RaftAttributes(store: V2Store, id: MemberId, attributes: RaftAttributes): void {
  check(store.update(raftAttributesPath(id), jsonValue(encodeRaftAttributes(attributes))));
}

/** mustUpdateMemberAttrInStore. */
export function setV2Attributes(store: V2Store, id: MemberId, attributes: Attributes): void {
  check(store.set(attributesPath(id), false, jsonValue(encodeAttributes(attributes))));
}

/** mustDeleteMemberFromStore. True when the member was not there, in which case nothing is noted either. */
export function deleteV2Member(store: V2Store, id: MemberId): boolean {
  const deleted = store.delete(memberPath(id), true, true);
  if (isV2Error(deleted)) return must(deleted, EcodeKeyNotFound);
  addV2Removed(store, id);
  return false;
}

function addV2Removed(store: V2Store, id: MemberId): void {
  check(store.create(`${REMOVED}/${formatId(id)}`, {dir: false, value: '', unique: false}));
}

/** mustSaveClusterVersionToStore. */
export function setV2ClusterVersion(store: V2Store, version: string): void {
  check(store.set(CLUSTER_VERSION_PATH, false, version));
}

/**
 * GetMembershipInfoInV2Format of 3.6 and 3.7: a fresh store with the members as they are now. etcd goes over its Go maps in any
 * order; here it is that of the ids.
 */
export function v2StoreOfMembership(
  members: readonly Member[],
  removed: readonly MemberId[],
  version: string | undefined,
): V2Store {
  const store = newServerV2Store(() => 0n);
  readV2Members(store);
  for (const member of members) {
    saveV2Member(store, member);
    if (member.clientUrls.length > 0) setV2Attributes(store, member.id, member);
  }
  for (const id of removed) addV2Removed(store, id);
  if (version !== undefined) setV2ClusterVersion(store, version);
  return store;
}

function check(result: object): void {
  if (isV2Error(result)) throw new InvariantError('the v2 store refused a change of membership', {error: result});
}

/** True for the one refusal that is allowed here; any other is our mistake or the disk's. */
function must(error: V2Error, code: number): true {
  if (error.code !== code) throw new InvariantError('the v2 store refused a look at the membership', {error});
  return true;
}
