// server-core/datadir/test-files.ts: the files in testdata/, as real etcd wrote them, and as a data directory.
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';
import {TRAILER_SIZE} from './db-file.ts';

export const REAL_RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0'] as const;
export type RealRelease = (typeof REAL_RELEASES)[number];

function unpacked(name: string): Uint8Array {
  const packed = readFileSync(new URL(`./testdata/${name}.gz`, import.meta.url));
  return new Uint8Array(gunzipSync(packed));
}

export const SEGMENT_NAME = '0000000000000000-0000000000000000.wal';

/** The file of `etcdctl snapshot save`. */
export const realSnapshot = (release: RealRelease): Uint8Array => unpacked(`snapshot-${release}`);

/** The first segment. */
export const realSegment = (release: RealRelease): Uint8Array => unpacked(`wal-${release}`);

/** Both as a data directory below `root`. The database is a little older than the end of the WAL, as after a kill. */
export function realDataDir(release: RealRelease, root = '/etcd'): Map<string, Uint8Array> {
  return new Map([
    [`${root}/member/snap/db`, realSnapshot(release).slice(0, -TRAILER_SIZE)],
    [`${root}/member/wal/${SEGMENT_NAME}`, realSegment(release)],
  ]);
}

/** What `etcdctl snapshot restore` makes of realSnapshot(); the database without what lies behind its pages. */
export const realRestored = (release: RealRelease): {wal: Uint8Array; snap: Uint8Array; db: Uint8Array} => ({
  wal: unpacked(`restored-wal-${release}`),
  snap: unpacked(`restored-snap-${release}`),
  db: unpacked(`restored-db-${release}`),
});
