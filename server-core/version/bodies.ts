// server-core/version/bodies.ts: what members tell of versions and members over plain HTTP, as JSON, and how they read it of each other.
// etcd: api/etcdhttp/version.go (base.go before 3.6), peer.go; version.Versions.
import {InvariantError} from '../../base/assert.ts';
import type {Member} from '../membership/member.ts';
import {decodeMember, encodeMember} from '../membership/member.ts';
import {goJsonString} from '../v2store/go-json.ts';
import type {MemberVersions} from './decide.ts';
import {NOT_DECIDED} from './decide.ts';

/** The body of GET /version, on the client and on the peer port. `storage` is given by releases that tell it. */
export function versionBody(
  release: string,
  cluster: string | undefined,
  storage?: {readonly version: string | undefined},
): string {
  const fields = [`"etcdserver":"${release}"`, `"etcdcluster":${goJsonString(cluster ?? NOT_DECIDED)}`];
  if (storage !== undefined) fields.push(`"storage":${goJsonString(storage.version ?? 'unknown')}`);
  return `{${fields.join(',')}}`;
}

/** Reads such a body; fields of newer releases are passed over, undefined for what is no such body. */
export function parseVersionBody(body: Uint8Array): MemberVersions | undefined {
  const json = parse(body);
  if (typeof json !== 'object' || json === null) return undefined;
  const {etcdserver, etcdcluster} = json as {readonly etcdserver?: unknown; readonly etcdcluster?: unknown};
  return {server: String(etcdserver ?? ''), cluster: String(etcdcluster ?? '')};
}

/** The body of GET /members on the peer port, and of a promotion that was forwarded: a JSON encoder ends its line. */
export function membersBody(members: readonly Member[]): string {
  return members.length === 0 ? 'null\n' : `[${members.map(encodeMember).join(',')}]\n`;
}

/** Reads such a body; undefined for what is none. Ids are beyond what JSON.parse keeps, so each member is cut out of the text. */
export function parseMembersBody(body: Uint8Array): Member[] | undefined {
  const text = new TextDecoder().decode(body);
  const json = parse(body);
  if (json === null) return [];
  if (!Array.isArray(json)) return undefined;
  try {
    return splitObjects(text).map(decodeMember);
  } catch (error) {
    if (error instanceof InvariantError) return undefined;
    throw error;
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** The objects of a JSON array of objects, which is known to be well formed. */
function splitObjects(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInText) {
      if (character === '\\') at++;
      else if (character === '"') isInText = false;
    } else if (character === '"') isInText = true;
    else if (character === '{') {
      if (depth === 0) start = at;
      depth++;
    } else if (character === '}') {
      depth--;
      if (depth === 0) found.push(text.slice(start, at + 1));
    }
  }
  return found;
}
