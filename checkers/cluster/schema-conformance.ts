// checkers/cluster/schema-conformance.ts: a backend holds exactly what its storage version has. version-rules 6.1, 6.2.
// etcd: server/storage/schema/schema.go. The buckets are the same from 3.0 on; what grew are keys of `meta` and `cluster`.
// Not checked: which of the old keys are there yet (a young store lacks some), and term and raft's configuration in stores of members up
// to 3.4, which bring them along from a snapshot of 3.5 and do not look at them.
import type {MemberSnapshot, StorageSnapshot} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {describeMinor, isMinorVersion, MINOR_3_5, MINOR_3_6, minorOf} from './versions.ts';

const BUCKETS = [
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
] as const;

/** Keys and the minor they came with; a store of an older one has none of them. */
const META_KEYS: ReadonlyMap<string, number> = new Map([
  ['consistent_index', 300],
  ['scheduledCompactRev', 300],
  ['finishedCompactRev', 300],
  ['term', 305],
  ['confState', 305],
  ['storageVersion', 306],
]);
const CLUSTER_KEYS: ReadonlyMap<string, number> = new Map([
  ['clusterVersion', 300],
  ['downgrade', 305],
]);

/** Judges each snapshot's store by itself; one finding for each member and fault. */
export function checkSchemas(snapshots: readonly MemberSnapshot[]): Finding[] {
  const findings: Finding[] = [];
  const reported = new Set<string>();
  for (const {member, release, storage, atUs} of snapshots) {
    if (storage === undefined) continue;
    for (const fault of schemaFaults(storage, release)) {
      if (reported.has(`${member}/${fault}`)) continue;
      reported.add(`${member}/${fault}`);
      const message = `the store of ${member} (${release}) ${fault}`;
      findings.push({check: 'schema-conformance', kind: 'violation', message, atUs});
    }
  }
  return findings;
}

function* schemaFaults(storage: StorageSnapshot, release: string): Generator<string> {
  const buckets = new Set(storage.buckets);
  for (const name of BUCKETS) if (!buckets.delete(name)) yield `has no bucket ${name}`;
  for (const name of [...buckets].sort()) yield `has an unknown bucket ${name}`;
  const running = minorOf(release);
  yield* unknownKeys('meta', storage.metaKeys, META_KEYS, running);
  yield* unknownKeys('cluster', storage.clusterKeys, CLUSTER_KEYS, running);
  const keys = new Set(storage.metaKeys);
  const {storageVersion, term} = storage;
  if (storageVersion === undefined) {
    if (keys.has('storageVersion')) yield 'has a storage version that was not read';
    return;
  }
  if (!isMinorVersion(storageVersion)) {
    yield `has the storage version "${storageVersion}", which is none`;
    return;
  }
  const version = minorOf(storageVersion);
  if (version < MINOR_3_6) yield `has the storage version ${storageVersion}, whose schema does not have that key`;
  if (version > running) yield `has the storage version ${storageVersion}, newer than the member`;
  if (!keys.has('storageVersion')) yield `has the storage version ${storageVersion} without its key`;
  // A store without a term has no version that could have been raised: schema.UnsafeDetectSchemaVersion.
  if (!keys.has('term') || term === 0) yield `has the storage version ${storageVersion} but no term`;
}

function* unknownKeys(
  bucket: string,
  present: readonly string[],
  known: ReadonlyMap<string, number>,
  running: number,
): Generator<string> {
  for (const key of [...present].sort()) {
    const since = known.get(key);
    if (since === undefined) yield `has an unknown key ${key} in ${bucket}`;
    else if (since > running && running >= MINOR_3_5) {
      yield `has the key ${key} of ${describeMinor(since)} in ${bucket}`;
    }
  }
}
