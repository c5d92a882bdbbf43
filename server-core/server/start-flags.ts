// server-core/server/start-flags.ts: how releases differ in the flags that decide how a member starts.
import {isSince} from '../release/release.ts';

/** How far a member has gone in giving up the v2 store: --v2-deprecation. etcd: V2DeprecationEnum. */
export type V2Stage = 'not-yet' | 'write-only' | 'write-only-skip-check' | 'write-only-drop-data' | 'gone';

export interface StartBehaviours {
  /** --max-learners: 3.6 on; one before. */
  readonly hasMaxLearners: boolean;
  /** --discovery-token and --discovery-endpoints: 3.6 on. */
  readonly hasV3Discovery: boolean;
  /** A database of a release that 3.4 knows nothing of ends the start: 3.4.31 on, which brought --next-cluster-version-compatible. */
  readonly refusesNewerStorage: boolean;
  /** What is left of v2 users and roles once all are gone does not count as content (#20231): 3.5.22, 3.6.3. */
  readonly toleratesAuthPlaceholders: boolean;
  /** The stages that --v2-deprecation takes: none before 3.5; not-yet until 3.5; write-only-skip-check from 3.5.32 and 3.6.13. */
  readonly v2Stages: readonly V2Stage[];
  /** The stage that is in force unless told otherwise: not-yet up to 3.5, then write-only. */
  readonly v2StageByDefault: V2Stage;
  /** Those of them that change anything. 3.6 goes on with its default but for the one that skips the check; 3.7 always. */
  readonly v2StagesHonoured: readonly V2Stage[];
}

export function startBehaviours(release: string): StartBehaviours {
  const has35 = isSince(release, '3.5.0');
  const has36 = isSince(release, '3.6.0');
  const skips: V2Stage[] = isSince(release, '3.5.32', '3.6.13') ? ['write-only-skip-check'] : [];
  const early: V2Stage[] = has36 ? [] : ['not-yet'];
  const v2Stages: V2Stage[] = has35 ? [...early, 'write-only', ...skips, 'write-only-drop-data', 'gone'] : [];
  return Object.freeze({
    hasMaxLearners: has36,
    hasV3Discovery: has36,
    refusesNewerStorage: isSince(release, '3.4.31') && !has35,
    toleratesAuthPlaceholders: isSince(release, '3.5.22', '3.6.3'),
    v2Stages,
    v2StageByDefault: has36 ? 'write-only' : 'not-yet',
    v2StagesHonoured: isSince(release, '3.7.0') ? [] : has36 ? skips : v2Stages,
  });
}
