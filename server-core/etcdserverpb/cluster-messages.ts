// server-core/etcdserverpb/cluster-messages.ts: the Cluster service's messages. Source: rpc.proto at v3.6.0.
import {responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {bool, list, memberId, message, nested, text, texts} from './message.ts';

/** etcdserverpb.Member. Names and URLs are UTF-8 bytes. */
export const memberMessage = message({
  id: memberId(1),
  name: text(2),
  peerUrls: texts(3),
  clientUrls: texts(4),
  isLearner: bool(5),
});
export const memberAddRequest = message({peerUrls: texts(1), isLearner: bool(2)});
export const memberAddResponse = message({
  header: nested(1, responseHeader),
  member: nested(2, memberMessage),
  members: list(3, memberMessage),
});
export const memberRemoveRequest = message({id: memberId(1)});
export const memberUpdateRequest = message({id: memberId(1), peerUrls: texts(2)});
export const memberListRequest = message({linearizable: bool(1)});
export const memberPromoteRequest = message({id: memberId(1)});
/** The answer to remove, update, list and promote. */
export const membersResponse = message({header: nested(1, responseHeader), members: list(2, memberMessage)});

export type MemberMessage = MessageOf<typeof memberMessage>;
export type MemberAddRequest = MessageOf<typeof memberAddRequest>;
export type MemberAddResponse = MessageOf<typeof memberAddResponse>;
export type MemberRemoveRequest = MessageOf<typeof memberRemoveRequest>;
export type MemberUpdateRequest = MessageOf<typeof memberUpdateRequest>;
export type MemberListRequest = MessageOf<typeof memberListRequest>;
export type MemberPromoteRequest = MessageOf<typeof memberPromoteRequest>;
export type MembersResponse = MessageOf<typeof membersResponse>;
