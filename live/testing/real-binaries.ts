// live/testing/real-binaries.ts: where real etcd binaries lie for tests: <folder>/<release>/etcd, as ../shared/tools/real-etcd.sh
// lays them out. They are looked for in ETCDSIM_REAL_ETCD, or where that script puts them by default; where they are absent tests are
// skipped and say so, unless ETCDSIM_REQUIRE_ORACLES=1 makes the absence of any release a failure.
import {existsSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {assert} from '../../base/assert.ts';

/** The releases that Debian packages carry. */
export const REAL_RELEASES = ['3.3.25', '3.4.23', '3.5.16'] as const;

/** Folders with a binary `etcd`, by release; empty where there are none and none are required. */
export function findRealBinaries(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlyMap<string, string> {
  const folder = environment['ETCDSIM_REAL_ETCD'] ?? join(homedir(), '.cache/real-etcd');
  const found = REAL_RELEASES.filter((release) => existsSync(join(folder, release, 'etcd')));
  const isRequired = environment['ETCDSIM_REQUIRE_ORACLES'] === '1';
  const absent = REAL_RELEASES.filter((release) => !found.includes(release));
  assert(!isRequired || absent.length === 0, 'real etcd binaries are required and absent', {folder, absent});
  if (absent.length > 0) {
    console.warn(
      `SKIPPED: no real etcd ${absent.join(', ')} in ${folder}; run ../shared/tools/real-etcd.sh, or set ETCDSIM_REAL_ETCD`,
    );
  }
  return new Map(found.map((release) => [release, join(folder, release)]));
}
