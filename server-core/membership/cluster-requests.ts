// server-core/membership/cluster-requests.ts: entries that change what the cluster knows of itself: attributes, version, downgrade job.
// They come as v2 requests (proposed up to 3.5) or as fields 1300 to 1302 of a raft request (from 3.6); see behaviours.ts for who
// understands which. They are applied to the v2 store on every replay, to the backend only when it does not hold them yet.
// etcd: apply_v2.go, apply.go (ClusterVersionSet, ClusterMemberAttrSet, DowngradeInfoSet).
import type {Id64, MemberId} from '../../base/ids.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import type {V2Request} from '../etcdserverpb/v2-request.ts';
import {v2Request} from '../etcdserverpb/v2-request.ts';
import type {TtlOptions, V2Store} from '../v2store/store.ts';
import type {DowngradeInfo} from './backend-members.ts';
import {NO_DOWNGRADE} from './backend-members.ts';
import type {MembershipBehaviours} from './behaviours.ts';
import type {Cluster} from './cluster.ts';
import type {Attributes} from './member.ts';
import {decodeAttributes, encodeAttributes, jsonOfValue, jsonValue} from './member.ts';
import {ServerEnded} from './process-end.ts';
import {attributesPath, CLUSTER_VERSION_PATH, memberOfAttributesPath} from './v2-members.ts';

export type ClusterRequest =
  | {readonly kind: 'attributes'; readonly memberId: MemberId; readonly attributes: Attributes}
  | {readonly kind: 'version'; readonly version: string}
  | {readonly kind: 'downgrade'; readonly job: DowngradeInfo}
  /** A request that only the tests of etcd propose. */
  | {readonly kind: 'nothing'};

/** What a raft request's body asks of the cluster; undefined when it is about something else. */
export function clusterRequestOf(body: RaftRequestBody): ClusterRequest | undefined {
  switch (body.kind) {
    case 'cluster-member-attr-set': {
      const {memberId, name, clientUrls} = body.request;
      return {kind: 'attributes', memberId, attributes: {name, clientUrls}};
    }
    case 'cluster-version-set':
      return {kind: 'version', version: body.request.ver};
    case 'downgrade-info-set': {
      const {enabled, ver} = body.request;
      return {kind: 'downgrade', job: enabled ? {enabled, targetVersion: ver} : NO_DOWNGRADE};
    }
    case 'downgrade-version-test':
      return {kind: 'nothing'};
    default:
      return undefined;
  }
}

/** What a v2 request asks of the cluster; undefined when it is about a v2 key. */
export function clusterRequestOfV2({method, path, val}: V2Request): ClusterRequest | undefined {
  if (method !== 'PUT') return undefined;
  if (path === CLUSTER_VERSION_PATH) return {kind: 'version', version: val};
  const memberId = memberOfAttributesPath(path);
  return memberId === undefined
    ? undefined
    : {kind: 'attributes', memberId, attributes: decodeAttributes(jsonOfValue(val))};
}

/** The entry that publishes a member, or sets the version, as releases up to 3.5 propose it. */
export function v2RequestOf(id: Id64, request: Extract<ClusterRequest, {kind: 'attributes' | 'version'}>): V2Request {
  if (request.kind === 'version')
    return v2Request({id, method: 'PUT', path: CLUSTER_VERSION_PATH, val: request.version});
  const val = jsonValue(encodeAttributes(request.attributes));
  return v2Request({id, method: 'PUT', path: attributesPath(request.memberId), val});
}

/** The body of the same as 3.6 proposes it. */
export function bodyOf(request: Exclude<ClusterRequest, {kind: 'nothing'}>): RaftRequestBody {
  switch (request.kind) {
    case 'attributes':
      return {kind: 'cluster-member-attr-set', request: {memberId: request.memberId, ...request.attributes}};
    case 'version':
      return {kind: 'cluster-version-set', request: {ver: request.version}};
    case 'downgrade':
      return {kind: 'downgrade-info-set', request: {enabled: request.job.enabled, ver: request.job.targetVersion}};
  }
}

/** Throws ServerEnded where the release ends at it. The batch lock is held if anything may be written to the backend. */
export function applyClusterRequest(cluster: Cluster, request: ClusterRequest, isNew: boolean): void {
  switch (request.kind) {
    case 'attributes':
      cluster.updateAttributes(request.memberId, request.attributes, isNew);
      break;
    case 'version':
      cluster.setVersion(request.version, isNew);
      break;
    case 'downgrade':
      cluster.setDowngrade(request.job, isNew);
      break;
    case 'nothing':
      break;
  }
}

/**
 * A v2 request about a v2 key, which some client of the v2 API has proposed. 3.6 has no such keys any more and panics
 * (v2ToV3Request). etcd: applyV2Request, applierV2store.
 */
export function applyV2Request(store: V2Store | undefined, behaviours: MembershipBehaviours, request: V2Request): void {
  if (behaviours.v2Entries !== 'applied' || store === undefined) {
    throw new ServerEnded('detected disallowed v2 WAL for stage --v2-deprecation=write-only', {
      method: request.method,
    });
  }
  switch (request.method) {
    case 'POST':
      store.create(request.path, {dir: request.dir, value: request.val, unique: true}, ttlOf(request));
      break;
    case 'PUT':
      put(store, request);
      break;
    case 'DELETE':
      if (request.prevIndex > 0 || request.prevValue !== '') store.compareAndDelete(request.path, request);
      else store.delete(request.path, request.dir, request.recursive);
      break;
    case 'QGET':
      store.get(request.path, request.recursive);
      break;
    case 'SYNC':
      store.deleteExpired(signed(request.timeNs));
      break;
  }
}

function put(store: V2Store, request: V2Request): void {
  const {path, dir, val, prevExist, prevIndex, prevValue} = request;
  const ttl = ttlOf(request);
  const compares = prevIndex > 0 || prevValue !== '';
  if (prevExist === false) store.create(path, {dir, value: val, unique: false}, ttl);
  else if (compares) store.compareAndSwap(path, request, val, ttl);
  else if (prevExist === true) store.update(path, val, ttl);
  else store.set(path, dir, val, ttl);
}

function ttlOf({expirationNs, refresh}: V2Request): TtlOptions {
  const ns = signed(expirationNs);
  return {expireNs: ns === 0n ? undefined : ns, refresh: refresh ?? false};
}

const signed = (id: Id64): bigint => BigInt.asIntN(64, BigInt(`0x${id}`));
