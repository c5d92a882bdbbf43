// server-core/datadir/test-files.ts: the files in testdata/, as real etcd wrote them, and as a data directory.
// Who tests hands in how they are read, because nothing here may touch a real disk.
import {TRAILER_SIZE} from './db-file.ts';

export const REAL_RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0'] as const;
export type RealRelease = (typeof REAL_RELEASES)[number];

export const SEGMENT_NAME = '0000000000000000-0000000000000000.wal';

export interface RealFiles {
  /** The file of `etcdctl snapshot save`. */
  snapshot(release: RealRelease): Uint8Array;
  /** The first segment. */
  segment(release: RealRelease): Uint8Array;
  /** Both as a data directory below `root` (`/etcd`). The database is a little older than the end of the WAL, as after a kill. */
  dataDir(release: RealRelease, root?: string): Map<string, Uint8Array>;
  /** What `etcdctl snapshot restore` makes of snapshot(); the database without what lies behind its pages. */
  restored(release: RealRelease): {readonly wal: Uint8Array; readonly snap: Uint8Array; readonly db: Uint8Array};
}

/** `read` gives the unpacked bytes of `testdata/<name>.gz`. */
export function realFiles(read: (name: string) => Uint8Array): RealFiles {
  const snapshot = (release: RealRelease): Uint8Array => read(`snapshot-${release}`);
  const segment = (release: RealRelease): Uint8Array => read(`wal-${release}`);
  return {
    snapshot,
    segment,
    dataDir: (release, root = '/etcd') =>
      new Map([
        [`${root}/member/snap/db`, snapshot(release).slice(0, -TRAILER_SIZE)],
        [`${root}/member/wal/${SEGMENT_NAME}`, segment(release)],
      ]),
    restored: (release) => ({
      wal: read(`restored-wal-${release}`),
      snap: read(`restored-snap-${release}`),
      db: read(`restored-db-${release}`),
    }),
  };
}
