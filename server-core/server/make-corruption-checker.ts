// server-core/server/make-corruption-checker.ts: the corruption checks put onto a server, and the port behind which peers ask for hashes.
import type {MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import {corruptionBehaviours} from '../corruption/behaviours.ts';
import type {CorruptionHost} from '../corruption/checker.ts';
import {CorruptionChecker} from '../corruption/checker.ts';
import {HASH_KV_CALL, HASH_KV_PATH, handleHashKv} from '../corruption/peer-hash.ts';
import type {Cluster} from '../membership/cluster.ts';
import {isRefusal} from '../mvcc/errors.ts';
import type {Applier} from './applier.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {PeerHttp} from './peer-http.ts';
import type {Proposer} from './proposer.ts';
import type {ReadLoop} from './read-loop.ts';

export interface CheckedServer {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly id: MemberId;
  readonly cluster: Cluster;
  readonly applier: Applier;
  readonly reads: ReadLoop;
  readonly proposer: Proposer;
  readonly isLeader: () => boolean;
}

export function makeCorruptionChecker(server: CheckedServer, http: PeerHttp): CorruptionChecker {
  const {env, config, id, cluster, applier, reads, proposer, isLeader} = server;
  const host: CorruptionHost = {
    env,
    behaviours: corruptionBehaviours(config.release),
    id,
    clusterId: cluster.id,
    requestTimeoutUs: requestTimeoutUs(config),
    periodicCheckUs: config.corruptCheckMs * 1000,
    compactionCheckUs: config.compactHashCheck ? config.compactHashCheckMs * 1000 : 0,
    isLeader,
    members: () => cluster.members(),
    hash: function* (revision) {
      yield* applier.readable();
      const {currentRevision} = applier.store;
      const result = applier.store.hashKv(revision);
      return isRefusal(result) ? result : {...result, currentRevision};
    },
    compactionHashes: () => applier.store.compactionHashes(),
    cannotRead: function* () {
      return (yield* reads.confirm()) !== undefined;
    },
    raise: (memberId) => {
      const request = {action: 'activate', memberId, alarm: 'corrupt'} as const;
      env.spawn('corrupt-alarm', proposer.proposeAs({kind: 'alarm', request}, undefined));
    },
    note: (text) => config.observer?.noted(text),
  };
  http.handles(HASH_KV_PATH, (request) => handleHashKv(host, request));
  http.handles(HASH_KV_CALL, (request) => handleHashKv(host, request));
  return new CorruptionChecker(host);
}
