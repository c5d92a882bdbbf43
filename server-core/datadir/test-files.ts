// server-core/datadir/test-files.ts: the files in testdata/, as real etcd wrote them, and as a data directory.
// Who tests hands in how they are read, because nothing here may touch a real disk.
import {TRAILER_SIZE} from './db-file.ts';

export const REAL_RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'] as const;
export type RealRelease = (typeof REAL_RELEASES)[number];

export interface RealFacts {
  readonly memberId: string;
  readonly clusterId: string;
  readonly peerUrl: string;
  /** `etcdctl endpoint hashkv` of the member, at revision 36. */
  readonly hashKv: number;
  /** Members and cluster version are published by v2 requests. */
  readonly publishesByV2: boolean;
}

const OF_24791 = {
  memberId: '2bc21162cab8eb93',
  clusterId: '7f017e38852508e3',
  peerUrl: 'http://127.0.0.1:24791',
  publishesByV2: true,
};

/** What the real members said of themselves. */
export const REAL_FACTS: Readonly<Record<RealRelease, RealFacts>> = {
  '3.3.25': {...OF_24791, hashKv: 1222316668},
  '3.4.23': {...OF_24791, hashKv: 4256691591},
  '3.5.16': {...OF_24791, hashKv: 31048764},
  '3.6.0': {
    memberId: 'd8b6dd091872e376',
    clusterId: 'cba4db181a35f648',
    peerUrl: 'http://127.0.0.1:24821',
    hashKv: 3304713553,
    publishesByV2: false,
  },
  '3.7.0': {
    memberId: 'edd967d2472dba27',
    clusterId: '199e41b73e19251b',
    peerUrl: 'http://127.0.0.1:24921',
    hashKv: 510023146,
    publishesByV2: false,
  },
};

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
