// server-core/server/start-flags.ts: flags that decide how a member starts, and which releases know them.
import {isSince} from '../release/release.ts';
import type {ServerConfig} from './config.ts';

export interface StartBehaviours {
  /** --max-learners: 3.6 on; one before. */
  readonly hasMaxLearners: boolean;
  /** --discovery-token and --discovery-endpoints: 3.6 on. */
  readonly hasV3Discovery: boolean;
  /**
   * --next-cluster-version-compatible: a 3.4 member goes along with a cluster of 3.5 and makes its database one of 3.4: 3.4.31 and
   * newer ones of that minor.
   */
  readonly hasNextClusterVersion: boolean;
  /** A database of a release that 3.4 knows nothing of ends the start: with that flag. */
  readonly refusesNewerStorage: boolean;
  /** What is left of v2 users and roles once all are gone does not count as content (#20231): 3.6.3. */
  readonly toleratesAuthPlaceholders: boolean;
  /** --v2-deprecation=write-only-skip-check lets content of the v2 API pass: 3.6.13. */
  readonly hasV2SkipCheck: boolean;
}

export function startBehaviours(release: string): StartBehaviours {
  const isLate34 = isSince(release, '3.4.31') && !isSince(release, '3.5.0');
  return Object.freeze({
    hasMaxLearners: isSince(release, '3.6.0'),
    hasV3Discovery: isSince(release, '3.6.0'),
    hasNextClusterVersion: isLate34,
    refusesNewerStorage: isLate34,
    toleratesAuthPlaceholders: isSince(release, '3.6.3'),
    hasV2SkipCheck: isSince(release, '3.6.13') && !isSince(release, '3.7.0'),
  });
}

/** The name of a flag that is set and that the release does not know; undefined when all are known. */
export function unknownFlag(config: ServerConfig): string | undefined {
  const behaviours = startBehaviours(config.release);
  if (config.discovery !== undefined && !behaviours.hasV3Discovery) return 'discovery-token';
  if (config.nextClusterVersionCompatible && !behaviours.hasNextClusterVersion)
    return 'next-cluster-version-compatible';
  return undefined;
}
