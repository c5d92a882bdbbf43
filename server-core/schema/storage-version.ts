// server-core/schema/storage-version.ts: which release's schema a backend has, and how 3.6 and 3.7 change it step by step.
// etcd: server/storage/schema/schema.go, migration.go, changes.go. A step into 3.6 adds the key that names the version, a step out of it
// removes it; a step between newer minors rewrites its value. No steps are known below 3.5.
import {assert} from '../../base/assert.ts';
import type {BatchTx} from '../backend/types.ts';
import {compareReleases, parseRelease, releaseOf} from '../release/release.ts';
import type {SchemaBehaviours} from './behaviours.ts';
import {hasConfState, readStorageVersion, readTerm, writeStorageVersion} from './meta.ts';

/** A refusal with etcd's text. */
export interface SchemaError {
  readonly kind: 'schema-error';
  readonly message: string;
}

const refused = (message: string): SchemaError => ({kind: 'schema-error', message});

export function isSchemaError(value: string | SchemaError | undefined): value is SchemaError {
  return typeof value === 'object';
}

const OLDEST = '3.5.0';
const FIRST_WITH_KEY = '3.6.0';

/** UnsafeDetectSchemaVersion: `3.5.0`, `3.6.0`, ... or why it cannot be told. */
export function detectStorageVersion(batch: BatchTx, behaviours: SchemaBehaviours): string | SchemaError {
  const stored = readStorageVersion(batch);
  if (stored !== undefined) return stored;
  if (readTerm(batch) === 0) return refused('missing term information');
  if (behaviours.needsConfStateToDetect && !hasConfState(batch)) return refused('missing confstate information');
  return OLDEST;
}

/**
 * The versions to go through from one to the other, the first left out; etcd: newPlan. `local` is the newest minor whose steps
 * this release knows.
 */
function plan(from: string, to: string, local: string): string[] | SchemaError {
  const [start, target, newest] = [releaseOf(from), releaseOf(to), releaseOf(local)];
  if (start.major !== target.major) return refused('changing major storage version is not supported');
  const steps: string[] = [];
  const direction = start.minor < target.minor ? 1 : -1;
  for (let minor = start.minor; minor !== target.minor; minor += direction) {
    // A step is known by the higher of its two ends.
    const upper = direction > 0 ? minor + 1 : minor;
    if (upper < 6 || upper > newest.minor) {
      return refused(`version "${start.major}.${upper}.0" is not supported`);
    }
    steps.push(`${start.major}.${minor + direction}.0`);
  }
  return steps;
}

const minorZero = (version: string): string => {
  const {major, minor} = releaseOf(version);
  return `${major}.${minor}.0`;
};

/** schema.Validate at start: undefined when the release may use the store. An undetectable one is let pass with a warning. */
export function validateSchema(
  batch: BatchTx,
  behaviours: SchemaBehaviours,
  release: string,
): {readonly error: SchemaError | undefined; readonly warning: SchemaError | undefined} {
  const detected = detectStorageVersion(batch, behaviours);
  if (isSchemaError(detected)) return {error: undefined, warning: detected};
  if (parseRelease(detected) === undefined)
    return {error: refused(`${detected} is not in dotted-tri format`), warning: undefined};
  const local = minorZero(release);
  const steps = plan(minorZero(detected), local, local);
  return {error: Array.isArray(steps) ? undefined : steps, warning: undefined};
}

/**
 * schema.UnsafeMigrate: brings the store to the target. `walVersion` is the lowest release that can read the log's tail; a store is not
 * lowered below it. The batch lock is held.
 */
export function migrateSchema(
  batch: BatchTx,
  behaviours: SchemaBehaviours,
  options: {readonly target: string; readonly release: string; readonly walVersion: string},
): SchemaError | undefined {
  const {target, release, walVersion} = options;
  const current = detectStorageVersion(batch, behaviours);
  if (isSchemaError(current)) return refused(`cannot detect storage schema version: ${current.message}`);
  const steps = plan(minorZero(current), minorZero(target), minorZero(release));
  if (!Array.isArray(steps)) return refused(`cannot create migration plan: ${steps.message}`);
  const isLowered = compareReleases(releaseOf(target), releaseOf(current)) < 0;
  if (isLowered && compareReleases(releaseOf(walVersion), releaseOf(target)) > 0) {
    return refused(
      `cannot downgrade storage, WAL contains newer entries, as the target version (${target}) is lower than the version (${walVersion}) detected from WAL logs`,
    );
  }
  for (const step of steps) {
    const hasKey = compareReleases(releaseOf(step), releaseOf(FIRST_WITH_KEY)) >= 0;
    writeStorageVersion(batch, hasKey ? step : undefined);
  }
  assert(steps.length === 0 || minorZero(target) === steps.at(-1), 'a migration ends at its target', {target, steps});
  return undefined;
}
