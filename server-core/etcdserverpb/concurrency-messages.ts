// server-core/etcdserverpb/concurrency-messages.ts: the Election and Lock services' messages.
// Source: server/etcdserver/api/v3election/v3electionpb, v3lock/v3lockpb at v3.6.0.
import {headerOnly, keyValue, responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {int, leaseId, message, nested, text} from './message.ts';

/** What a leader holds: the key it created, and at which revision. */
export const leaderKey = message({name: text(1), key: text(2), revision: int(3), lease: leaseId(4)});
export const campaignRequest = message({name: text(1), lease: leaseId(2), value: text(3)});
export const campaignResponse = message({header: nested(1, responseHeader), leader: nested(2, leaderKey)});
export const leaderRequest = message({name: text(1)});
export const leaderResponse = message({header: nested(1, responseHeader), kv: nested(2, keyValue)});
export const resignRequest = message({leader: nested(1, leaderKey)});
export const proclaimRequest = message({leader: nested(1, leaderKey), value: text(2)});
export const lockRequest = message({name: text(1), lease: leaseId(2)});
export const lockResponse = message({header: nested(1, responseHeader), key: text(2)});
export const unlockRequest = message({key: text(1)});
export const concurrencyHeaderResponse = headerOnly;

export type LeaderKey = MessageOf<typeof leaderKey>;
export type CampaignRequest = MessageOf<typeof campaignRequest>;
export type CampaignResponse = MessageOf<typeof campaignResponse>;
export type LeaderRequest = MessageOf<typeof leaderRequest>;
export type LeaderResponse = MessageOf<typeof leaderResponse>;
export type ResignRequest = MessageOf<typeof resignRequest>;
export type ProclaimRequest = MessageOf<typeof proclaimRequest>;
export type LockRequest = MessageOf<typeof lockRequest>;
export type LockResponse = MessageOf<typeof lockResponse>;
export type UnlockRequest = MessageOf<typeof unlockRequest>;
