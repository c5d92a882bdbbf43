// server-core/server/backend-files.ts: where a member's files lie, and how its database is opened. etcd: server/storage/backend.go, datadir.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Backend, BackendOptions} from '../backend/backend.ts';
import {openBackend, qualifyBackend, replaceWithSnapshot} from '../backend/backend.ts';
import {BackendError} from '../backend/backend-error.ts';
import type {BucketName} from '../backend/types.ts';
import {clusterVersionOf} from '../membership/lower-check.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {isSince} from '../release/release.ts';
import {schemaBehaviours} from '../schema/behaviours.ts';
import type {ServerConfig} from './config.ts';
import {ConsistentIndex} from './consistent-index.ts';
import {startBehaviours} from './start-flags.ts';

export const walDirectory = ({dataDir}: ServerConfig): string => `${dataDir}/member/wal`;
export const snapDirectory = ({dataDir}: ServerConfig): string => `${dataDir}/member/snap`;
export const databasePath = (config: ServerConfig): string => `${snapDirectory(config)}/db`;

/** Where the database of a received snapshot lies until it is installed. snap: dbFilePath. */
export const snapshotDbPath = (config: ServerConfig, index: number): string =>
  `${snapDirectory(config)}/${index.toString(16).padStart(16, '0')}.snap.db`;

/** Buckets that a server makes before anything else. schema: CreateMetaBucket, membership, alarms, auth. */
const BUCKETS: readonly BucketName[] = [
  'meta',
  'key',
  'lease',
  'alarm',
  'cluster',
  'members',
  'members_removed',
  'auth',
  'authUsers',
  'authRoles',
];

export interface OpenedBackend {
  readonly backend: Backend;
  readonly consistentIndex: ConsistentIndex;
}

/** Opens the database, in which a received one is first put if `snapshotPath` is given; its commit loop runs beside. */
export function* openServerBackend(env: Env, config: ServerConfig, snapshotPath?: string): Fiber<OpenedBackend> {
  const path = databasePath(config);
  if (snapshotPath !== undefined) yield* replaceWithSnapshot(env.disk, snapshotPath, path);
  const behaviours = schemaBehaviours(config.release);
  const options = qualifyBackend({
    batchIntervalUs: config.backendBatchIntervalMs * 1000,
    batchLimit: config.backendBatchLimit,
    // bbolt on Linux: 3.3 left the freelist out of the file.
    freelistSync: !isSince(config.release, '3.3.0') || isSince(config.release, '3.4.0'),
    // coreos/bbolt v1.3.1 came with 3.1.11 and 3.2.10; what was there before ends on such a file.
    opensWithoutFreelist: isSince(config.release, '3.1.11', '3.2.10', '3.3.0'),
    commitsDeletionsAtUnlock: isSince(config.release, '3.4.30', '3.5.12', '3.6.0'),
    hooksDefragCommit: behaviours.storesIndexBeforeDefrag,
  });
  const backend = yield* openOrEnd(env, path, options);
  for (const bucket of BUCKETS) backend.batch.createBucket(bucket);
  if (startBehaviours(config.release).refusesNewerStorage) lowerStorage(backend, config.nextClusterVersionCompatible);
  const consistentIndex = ConsistentIndex.load(backend.batch, behaviours);
  backend.setPreCommitHook((batch) => consistentIndex.beforeCommit(batch));
  env.spawn('backend-commit', backend.commitLoop());
  return {backend, consistentIndex};
}

/** A database without a freelist is the end of a release that reads none. bolt: DB.page. */
function* openOrEnd(env: Env, path: string, options: BackendOptions): Fiber<Backend> {
  try {
    return yield* openBackend(env, path, options);
  } catch (error) {
    if (error instanceof BackendError && error.code === 'no-freelist') {
      throw new ServerEnded('runtime error: index out of range');
    }
    throw error;
  }
}

/**
 * A late 3.4 ends at a database that neither it nor 3.5 has written, and takes away what 3.5 has put in if it is told to.
 * etcd: store.restore, UnsafeDetectSchemaVersion, unsafeDowngradeMetaBucket.
 */
function lowerStorage({batch}: Backend, lowers: boolean): void {
  const stored = batch.get('meta', 'storageVersion');
  if (stored !== undefined) {
    const version = new TextDecoder().decode(stored);
    if (clusterVersionOf(version) !== '3.4.0' && clusterVersionOf(version) !== '3.5.0') {
      throw new ServerEnded(`unsupported storage version: ${version}`);
    }
  }
  if (!lowers) return;
  batch.delete('meta', 'confState');
  batch.delete('meta', 'term');
}
