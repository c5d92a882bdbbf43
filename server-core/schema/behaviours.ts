// server-core/schema/behaviours.ts: what a release keeps in the backend's bucket meta, and when it writes it there.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';

export interface SchemaBehaviours {
  /**
   * Up to 3.4 the applied index is written within each transaction that changes keys or users, and before a snapshot; what else
   * was applied since is applied again after a crash. From 3.5 the pre-commit hook writes it with every commit (#12855).
   */
  readonly storesIndex: 'within-writes' | 'before-commits';
  /**
   * The hook learns of an entry once the apply loop holds the batch's lock, or, before that, while it waits for it, so that the
   * commit of another stores an index without its data: erratum 13766.
   */
  readonly publishesIndex: 'under-lock' | 'before-lock';
  /** The commit that begins a defragmentation stores the index of what it commits as any other does: erratum 14685. */
  readonly storesIndexBeforeDefrag: boolean;
  /** 3.5.0 to 3.5.2 never let the stored index go down, and 3.5 writes term and raft's configuration beside it (#12962). */
  readonly keepsTermAndConfState: boolean;
  /** From 3.6 the store names its version, and every member follows the cluster's version with it (#13405). */
  readonly keepsStorageVersion: boolean;
  /** 3.6.0 to 3.6.4 take a store without raft's configuration for one of unknown version (#20495). */
  readonly needsConfStateToDetect: boolean;
}

export function schemaBehaviours(release: string): SchemaBehaviours {
  const is35 = isSince(release, '3.5.0');
  const is36 = isSince(release, '3.6.0');
  return Object.freeze({
    storesIndex: is35 ? 'before-commits' : 'within-writes',
    publishesIndex: isAffected('13766', release) ? 'before-lock' : 'under-lock',
    storesIndexBeforeDefrag: !isAffected('14685', release),
    keepsTermAndConfState: is35,
    keepsStorageVersion: is36,
    needsConfStateToDetect: is36 && !isSince(release, '3.6.5'),
  });
}
