// server-core/membership/member.ts: one member of the cluster, and its JSON as etcd writes it into conf changes and buckets.
// Ids are 64-bit numbers in that JSON, beyond what JSON.parse keeps, so the id is cut out of the text.
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';

/** membership.Member: raft attributes (peer URLs, learner) and what the member published of itself. */
export interface Member {
  readonly id: MemberId;
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
  /** Empty until the member has published itself. */
  readonly name: string;
  readonly clientUrls: readonly string[];
}

/** json.Marshal of membership.Member: fields in the order of the Go struct, empty ones with omitempty left out. */
export function encodeMember({id, peerUrls, isLearner, name, clientUrls}: Member): string {
  const fields = [`"id":${BigInt(`0x${id}`)}`, `"peerURLs":${JSON.stringify(peerUrls)}`];
  if (isLearner) fields.push('"isLearner":true');
  if (name !== '') fields.push(`"name":${JSON.stringify(name)}`);
  if (clientUrls.length > 0) fields.push(`"clientURLs":${JSON.stringify(clientUrls)}`);
  return `{${fields.join(',')}}`;
}

/** The member of such a JSON text; broken text was written by us or by a disk that lied and passed the checksum. */
export function decodeMember(text: string): Member {
  const id = /"id":(\d+)/.exec(text)?.[1];
  if (id === undefined) throw new InvariantError('member without an id', {text});
  const json = JSON.parse(text) as {peerURLs?: string[]; isLearner?: boolean; name?: string; clientURLs?: string[]};
  return {
    id: toMemberId(BigInt(id).toString(16)),
    peerUrls: json.peerURLs ?? [],
    isLearner: json.isLearner ?? false,
    name: json.name ?? '',
    clientUrls: json.clientURLs ?? [],
  };
}

/** 'http://m1:2380' to 'm1:2380'. */
export function addressOf(url: string): string {
  return url.replace(/^https?:\/\//, '');
}
