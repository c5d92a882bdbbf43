// server-core/etcdserverpb/membership-codec.ts: requests about members that go through raft. etcd: api/membershippb/membership.proto.
import type {ByteString} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {WireReader, WireWriter} from '../../base/wire.ts';
import {varintIdSize} from '../../base/wire.ts';
import {bytesTag, messageSize, skipUnknown, textSize, varintTag, writeMessageHead, writeText} from './fields.ts';

/** membershippb.ClusterMemberAttrSetRequest: what a member publishes of itself. Names and URLs are UTF-8 bytes. */
export interface ClusterMemberAttrSetRequest {
  readonly memberId: MemberId;
  readonly name: ByteString;
  readonly clientUrls: readonly ByteString[];
}

function attributesSize({name, clientUrls}: ClusterMemberAttrSetRequest): number {
  let size = textSize(1, name);
  for (const url of clientUrls) size += messageSize(2, url.length);
  return size;
}

export function sizeClusterMemberAttrSet(request: ClusterMemberAttrSetRequest): number {
  const idSize = request.memberId === NO_MEMBER ? 0 : 1 + varintIdSize(request.memberId);
  return idSize + messageSize(2, attributesSize(request));
}

export function writeClusterMemberAttrSet(writer: WireWriter, request: ClusterMemberAttrSetRequest): void {
  if (request.memberId !== NO_MEMBER) writer.id(1, request.memberId);
  writeMessageHead(writer, 2, attributesSize(request));
  writeText(writer, 1, request.name);
  for (const url of request.clientUrls) writer.text(2, url);
}

/** Throws WireError. */
export function readClusterMemberAttrSet(reader: WireReader): ClusterMemberAttrSetRequest {
  let memberId = NO_MEMBER;
  let name: ByteString = '';
  const clientUrls: ByteString[] = [];
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) memberId = reader.varintId() as MemberId;
    else if (tag === bytesTag(2)) {
      const attributes = reader.message();
      while (attributes.more()) {
        const field = attributes.tag();
        if (field === bytesTag(1)) name = attributes.text();
        else if (field === bytesTag(2)) clientUrls.push(attributes.text());
        else skipUnknown(attributes, field, field >>> 3 <= 2);
      }
    } else skipUnknown(reader, tag, tag >>> 3 <= 2);
  }
  return {memberId, name, clientUrls};
}
