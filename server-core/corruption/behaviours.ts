// server-core/corruption/behaviours.ts: how the releases look for members whose data has come apart.
import {isSince} from '../release/release.ts';

export interface CorruptionBehaviours {
  /**
   * How a peer is asked for its hash. `http`: GET /members/hashkv on the peer port (3.4.4, 3.5.0). `grpc`: Maintenance.HashKV, which
   * the peer port of every release up to 3.5 serves.
   */
  readonly asksBy: 'grpc' | 'http';
  /** Hashes are compared at all: 3.3 on. The flags of older releases do not exist, so nothing is looked at. */
  readonly exists: boolean;
  /** The gRPC services are on the peer port too: up to 3.5. */
  readonly servesGrpcToPeers: boolean;
  /** A question from another cluster is refused: 3.4.28, 3.5.10, 3.6.0. */
  readonly checksClusterId: boolean;
  /** The answer names the revision that was hashed: 3.6.0. */
  readonly tellsHashRevision: boolean;
  /**
   * Whom the alarm of a periodic check names. `peer`: whoever differs from the leader, be it the leader that is wrong (issue 14272).
   * `nobody`: member 0 (#14828: 3.4.23, 3.5.7). 3.6 names the peer again.
   */
  readonly periodicBlames: 'peer' | 'nobody';
  /** Hashes of compactions are compared: 3.5.5, 3.6.0. */
  readonly checksCompactions: boolean;
  /**
   * Whom that check names. `peer`: the first that differs (3.5.5). `nobody`: member 0 (3.5.7). `minority`: everybody but the majority
   * that agrees, member 0 without one (#14828, 3.6.0).
   */
  readonly compactionBlames: 'peer' | 'nobody' | 'minority';
  /** The periodic check keeps its beat while it works: 3.6.0 (a ticker). Before, the pause began when it was done. */
  readonly keepsBeat: boolean;
}

/** The behaviours of a release. */
export function corruptionBehaviours(release: string): CorruptionBehaviours {
  const has36 = isSince(release, '3.6.0');
  const namesNobody = isSince(release, '3.4.23', '3.5.7');
  return Object.freeze({
    asksBy: isSince(release, '3.4.4', '3.5.0') ? 'http' : 'grpc',
    exists: isSince(release, '3.3.0'),
    servesGrpcToPeers: !has36,
    checksClusterId: isSince(release, '3.4.28', '3.5.10', '3.6.0'),
    tellsHashRevision: has36,
    periodicBlames: namesNobody && !has36 ? 'nobody' : 'peer',
    checksCompactions: isSince(release, '3.5.5', '3.6.0'),
    compactionBlames: has36 ? 'minority' : isSince(release, '3.5.7') ? 'nobody' : 'peer',
    keepsBeat: has36,
  });
}
