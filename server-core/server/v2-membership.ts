// server-core/server/v2-membership.ts: membership as the v2 store's JSON, which a .snap file carries for older releases.
// etcd 3.6: membership.GetMembershipInfoInV2Format: a v2 store that holds the members (under /0/members) and nothing else.
import {formatId} from '../../base/ids.ts';
import type {Member} from '../membership/member.ts';

/** The Go zero time: a node without a time to live. */
const NEVER = '0001-01-01T00:00:00Z';

interface V2Node {
  readonly Path: string;
  readonly CreatedIndex: number;
  readonly ModifiedIndex: number;
  readonly ExpireTime: string;
  readonly Value: string;
  readonly Children: Readonly<Record<string, V2Node>> | null;
}

/** The JSON document as bytes. Equal members give equal bytes. */
export function membershipSnapshot(members: readonly Member[]): Uint8Array {
  let index = 0;
  const leaf = (Path: string, Value: string): V2Node => {
    index++;
    return {Path, CreatedIndex: index, ModifiedIndex: index, ExpireTime: NEVER, Value, Children: null};
  };
  const directory = (Path: string, Children: Readonly<Record<string, V2Node>>): V2Node => ({
    Path,
    CreatedIndex: index,
    ModifiedIndex: index,
    ExpireTime: NEVER,
    Value: '',
    Children,
  });
  const nodes = members.map((member): [string, V2Node] => {
    const name = formatId(member.id);
    const path = `/0/members/${name}`;
    const raft = {peerURLs: member.peerUrls, ...(member.isLearner ? {isLearner: true} : {})};
    const own = {name: member.name, clientURLs: member.clientUrls};
    const children = {
      attributes: leaf(`${path}/attributes`, JSON.stringify(own)),
      raftAttributes: leaf(`${path}/raftAttributes`, JSON.stringify(raft)),
    };
    return [name, directory(path, children)];
  });
  const zero = directory('/0', {members: directory('/0/members', Object.fromEntries(nodes))});
  const root = directory('/', {'0': zero, '1': directory('/1', {})});
  const document = {Root: root, CurrentIndex: index, CurrentVersion: 2};
  return new TextEncoder().encode(JSON.stringify(document));
}
