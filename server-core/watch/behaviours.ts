// server-core/watch/behaviours.ts: what of watching differs between releases, each difference under its own name.
// Found by reading the tags v3.3.0 to v3.7.1 of mvcc/watchable_store.go, mvcc/watcher.go and api/v3rpc/watch.go one after the
// other. The code reads as etcd 3.7; everything older is the named exception. A difference without visible effect is not here:
// between 3.6.0 and 3.6.8 the sync loop kept the events that it had read for its next round. What a watch may see, and in which
// words it is denied, is the auth store's to know.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';

export interface WatchBehaviours {
  /** Responses a stream holds before its watchers become victims. chanBufLen: 128; 1024 before 3.3.23, 3.4.10. Issue 11906. */
  readonly streamCapacity: number;
  /** A watch may name its id. Since 3.4.0; 3.3 passes over the field and counts. */
  readonly ids: 'chosen-or-drawn' | 'drawn';
  /** A create that fails says why in its cancel_reason. Since 3.4.0. */
  readonly failureReason: 'named' | 'empty';
  /** fragment is obeyed. Since 3.3.14. */
  readonly fragments: boolean;
  /**
   * A progress request on a stream (WatchProgressRequest, since 3.3.14).
   * when-synced: answered in the order of the events, if every watch is synced, and not at all otherwise.
   * deferred: as that, but an early request waits for the next response and holds later ones back meanwhile (issue 17557,
   *   3.4.25 to 3.4.30 and 3.5.8 to 3.5.12).
   * at-once: answered with the current revision, past events that are still to be sent (issue 15220, up to 3.4.24 and 3.5.7).
   */
  readonly requestedProgress: 'when-synced' | 'deferred' | 'at-once' | 'unknown';
  /** No progress before the start revision that was asked for. Issue 20221; since 3.4.38, 3.5.22, 3.6.2. */
  readonly progressAwaitsStart: boolean;
  /**
   * A watch that waits for a future revision still does so after a snapshot was received; older releases send it what comes
   * next: erratum 20221-events.
   */
  readonly restoreKeepsFuture: boolean;
  /**
   * A synced watcher remembers how far it was told; older releases forget it when nothing goes wrong and begin again where it
   * became synced once a snapshot is received: erratum 15271.
   */
  readonly syncedAdvance: boolean;
  /**
   * A watcher whose compaction notice found the stream full gets it later; older releases call it synced and say nothing.
   * Issue 17529; since 3.4.31, 3.5.13, 3.6.0.
   */
  readonly compactedRetry: boolean;
  /**
   * A start below zero is refused as compacted; older releases read nothing in that round, for any watcher, and go on from the
   * current revision. Issue 20693; since 3.4.38, 3.5.24, 3.6.6.
   */
  readonly negativeStart: 'refused' | 'reads-nothing';
  /**
   * The id in the answer to a create that auth denies. Issue 14296: with the requested id, mostly 0, the stream forgets a living
   * watch of that id. 3.3 never had it; 3.4.22, 3.5.6, 3.6.0 have it mended.
   */
  readonly deniedId: 'none' | 'requested';
  /** Requests are read on after a denied create. Since 3.3.23, 3.4.8; before, the stream goes deaf. PR 11708. */
  readonly listensAfterDenial: boolean;
  /** prevKv is not looked for when the event creates its key. Since 3.4.20, 3.5.0. */
  readonly creationHasNoPrevKv: boolean;
  /** The notice that a watch is compacted says that it is cancelled, too: 3.3.0 on. Before, only compact_revision tells. */
  readonly compactionCancels: boolean;
  /** Filters are obeyed: 3.1.0 on; 3.0 passes over the field. */
  readonly filters: boolean;
  /** prev_kv is obeyed: 3.0.11 on. */
  readonly prevKvs: boolean;
  /**
   * A received snapshot makes synced watchers read what is new in it: 3.1.11, 3.2.6, 3.3.0 (commit 78d6822's Restore). Before, they are not
   * told of it, and go on with what is written next.
   */
  readonly restoreWakesWatchers: boolean;
  /** Permission to read what is watched is asked for: 3.2.0 on. */
  readonly checksPermission: boolean;
  /** Up to a tenth of the progress interval is added to it by chance. Since 3.4.0. */
  readonly progressJitter: boolean;
  /** The error of a stream that ended from outside. 3.3 and 3.4 up to 3.4.15 know one cause only. */
  readonly endedError: 'watch-canceled' | 'no-leader';
}

function requestedProgressOf(release: string): WatchBehaviours['requestedProgress'] {
  if (isSince(release, '3.6.0', '3.5.13', '3.4.31')) return 'when-synced';
  if (isSince(release, '3.6.0', '3.5.8', '3.4.25')) return 'deferred';
  return isSince(release, '3.4.0', '3.3.14') ? 'at-once' : 'unknown';
}

/** The behaviours of a release, frozen. */
export function watchBehaviours(release: string): WatchBehaviours {
  const isFrom34 = isSince(release, '3.4.0');
  return Object.freeze({
    streamCapacity: isSince(release, '3.5.0', '3.4.10', '3.3.23') ? 128 : 1024,
    ids: isFrom34 ? 'chosen-or-drawn' : 'drawn',
    failureReason: isFrom34 ? 'named' : 'empty',
    fragments: isSince(release, '3.4.0', '3.3.14'),
    requestedProgress: requestedProgressOf(release),
    progressAwaitsStart: isSince(release, '3.6.2', '3.5.22', '3.4.38'),
    restoreKeepsFuture: !isAffected('20221-events', release),
    syncedAdvance: !isAffected('15271', release),
    compactedRetry: isSince(release, '3.6.0', '3.5.13', '3.4.31'),
    negativeStart: isSince(release, '3.6.6', '3.5.24', '3.4.38') ? 'refused' : 'reads-nothing',
    deniedId: !isFrom34 || isSince(release, '3.6.0', '3.5.6', '3.4.22') ? 'none' : 'requested',
    listensAfterDenial: isSince(release, '3.5.0', '3.4.8', '3.3.23'),
    creationHasNoPrevKv: isSince(release, '3.5.0', '3.4.20'),
    compactionCancels: isSince(release, '3.3.0'),
    filters: isSince(release, '3.1.0'),
    prevKvs: isSince(release, '3.0.11', '3.1.0'),
    restoreWakesWatchers: isSince(release, '3.1.11', '3.2.6', '3.3.0'),
    checksPermission: isSince(release, '3.2.0'),
    progressJitter: isFrom34,
    endedError: isSince(release, '3.5.0', '3.4.16') ? 'watch-canceled' : 'no-leader',
  });
}
