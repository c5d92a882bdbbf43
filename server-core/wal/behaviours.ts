// server-core/wal/behaviours.ts: what a release does differently with its WAL and its snapshot files, each by name.
import {isSince} from '../release/release.ts';

export interface WalBehaviours {
  /**
   * The longest record that is read, in bytes with its padding; undefined: as long as the file goes on, which is today's rule.
   * decoder.decodeRecord refused records of 10 MiB and more from 3.3.23 and 3.4.10 up to 3.5.4 (etcd-io/etcd#11793, #14127).
   */
  readonly recordBytesMax: number | undefined;
  /**
   * A last record that is longer than what is left of the file counts as torn, and is cut off as the member starts: all but 3.5.5 and
   * 3.5.6, which take its length for damage and do not start (etcd-io/etcd#15069; decoder.decodeRecord).
   */
  readonly repairsCutRecord: boolean;
  /** A snapshot's record carries the configuration (walpb.Snapshot.conf_state; 3.5.0, etcd-io/etcd#12735). */
  readonly confStateInSnapshotRecord: boolean;
  /** A configuration in a .snap file has the fields of joint consensus, auto_leave also when false (3.4.0, etcd-io/etcd#10850). */
  readonly jointConfState: boolean;
  /**
   * How a saved snapshot is known. `file-first`: the file is written before the WAL's record of it; a member starts from the newest
   * file that the WAL has a record of; locks and received databases are given up once raft has the snapshot (3.3.21, 3.4.8,
   * etcd-io/etcd#11888). `record-first`: the record comes first, the newest readable file counts, locks go at once.
   */
  readonly snapshotOrder: 'file-first' | 'record-first';
  /** What a defragmentation left behind (`db.tmp…`) goes when snapshots are listed (3.3.19, 3.4.4, etcd-io/etcd#11613). */
  readonly defragmentationLeftoversRemoved: boolean;
}

const TEN_MEBIBYTES = 10 * 1024 * 1024;

/** The behaviours of a release such as `3.4.23`. */
export function walBehaviours(release: string): WalBehaviours {
  const isLimited = isSince(release, '3.3.23', '3.4.10', '3.5.0') && !isSince(release, '3.5.5');
  return Object.freeze({
    recordBytesMax: isLimited ? TEN_MEBIBYTES : undefined,
    repairsCutRecord: !isSince(release, '3.5.5') || isSince(release, '3.5.7'),
    confStateInSnapshotRecord: isSince(release, '3.5.0'),
    jointConfState: isSince(release, '3.4.0'),
    snapshotOrder: isSince(release, '3.3.21', '3.4.8') ? 'file-first' : 'record-first',
    defragmentationLeftoversRemoved: isSince(release, '3.3.19', '3.4.4'),
  });
}
