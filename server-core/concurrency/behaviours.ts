// server-core/concurrency/behaviours.ts: what locks and elections do differently from release to release.
import {isSince} from '../release/release.ts';

export interface ConcurrencyBehaviours {
  /** A lock that waited looks whether its key is still there before it is answered (issue 11456): 3.5.0 on. */
  readonly locksConfirmTheirKey: boolean;
}

/** The behaviours of a release. */
export function concurrencyBehaviours(release: string): ConcurrencyBehaviours {
  return Object.freeze({locksConfirmTheirKey: isSince(release, '3.5.0')});
}
