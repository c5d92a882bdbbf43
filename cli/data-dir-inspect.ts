// cli/data-dir-inspect.ts: `etcdsim data-dir inspect <dir>`: what `etcdutl snapshot status` and etcd-dump-logs would tell of it.
// A file that is damaged gets one line (file, offset, reason) on standard error, and the exit code is 2.
import {InputError} from '../base/input-error.ts';
import {shortId} from '../server-core/datadir/db-content.ts';
import type {DbReport, Inspection} from '../server-core/datadir/inspect.ts';
import {inspectFiles, kindOf} from '../server-core/datadir/inspect.ts';
import {describeEntry} from '../server-core/datadir/request-text.ts';
import type {WalDump} from '../server-core/datadir/wal-dump.ts';
import {readDataFiles} from './data-dir-files.ts';
import {EXIT_INPUT, EXIT_OK} from './exit-code.ts';
import {tableLines} from './table.ts';

export interface InspectArguments {
  readonly json?: boolean;
  /** Show keys and values of logged requests whole. */
  readonly full?: boolean;
}

const KIND_TEXT = {
  'data-dir': 'data directory',
  wal: 'WAL',
  snapshot: 'snapshot file',
  db: 'database',
  snap: "raft's snapshot (.snap)",
} as const;

/** Prints what is in it; returns the exit code. */
export function dataDirInspectCommand(path: string, {json = false, full = false}: InspectArguments): number {
  const bytesMax = full ? Number.POSITIVE_INFINITY : undefined;
  const {root, files} = readDataFiles(path);
  const kind = kindOf(files, root);
  if (kind === undefined) throw new InputError(`${path}: no data directory, WAL, snapshot or database of etcd`);
  const inspection = inspectFiles(files, kind, root);
  if (json) console.log(JSON.stringify(jsonOf(path, inspection, bytesMax)));
  else for (const line of textLines(path, inspection, bytesMax)) console.log(line);
  for (const {file, offset, reason} of inspection.damages)
    console.error(`etcdsim: ${file}: offset ${offset}: ${reason}`);
  return inspection.damages.length === 0 ? EXIT_OK : EXIT_INPUT;
}

/** The document of --json: ids in hex, entries with their place and their request as text. */
function jsonOf(path: string, inspection: Inspection, bytesMax: number | undefined): object {
  const {kind, db, wal, snapshots, otherFiles, damages} = inspection;
  return {
    path,
    kind,
    db: db === undefined ? null : {file: db.file, ...db.status, ...db.hash, ...db.content},
    snapshots: snapshots.map(({file, snapshot}) => ({file, ...snapshot.metadata})),
    wal:
      wal === undefined
        ? null
        : {...wal, damage: undefined, entries: wal.entries.map((logged) => entryJson(logged, bytesMax))},
    otherFiles,
    damages,
  };
}

function entryJson({entry, place, isReplaced}: WalDump['entries'][number], bytesMax: number | undefined): object {
  const {type, request, id, text} = describeEntry(entry, bytesMax);
  const {term, index, data} = entry;
  const sizeBytes = data?.length ?? 0;
  return {term, index, type, request, id, text, sizeBytes, isReplaced, file: place.file, offset: place.offset};
}

function* textLines(path: string, inspection: Inspection, bytesMax: number | undefined): Generator<string> {
  const {kind, db, wal, snapshots, otherFiles} = inspection;
  yield `${path}: ${KIND_TEXT[kind]}`;
  if (db !== undefined) yield* dbLines(db);
  for (const {file, snapshot} of snapshots) {
    const {index, term, confState} = snapshot.metadata;
    yield `\nSnapshot ${file}:\nterm=${term} index=${index} nodes=[${ids(confState.voters)}] learners=[${ids(confState.learners)}]`;
  }
  if (wal !== undefined) yield* walLines(wal, bytesMax);
  if (otherFiles.length > 0) yield `\nOther files: ${otherFiles.join(' ')}`;
}

function* dbLines({file, status, hash: keys, content}: DbReport): Generator<string> {
  const {hash, revision, totalKey, totalSize, version} = status;
  yield `\nDatabase ${file}:`;
  const head = ['hash', 'revision', 'total keys', 'total size', ...(version === '' ? [] : ['version'])];
  const row = [hash.toString(16), String(revision), String(totalKey), humanSize(totalSize), version];
  yield* tableLines(head, [row.slice(0, head.length)]);
  const {hashKv, hashRevision, compactRevision, keyCount} = keys;
  yield `hashKV ${hashKv} at revision ${hashRevision}, compact revision ${compactRevision}, ${keyCount} keys`;
  const {consistentIndex, term, confState, scheduledCompactRevision, finishedCompactRevision} = content;
  yield `consistent index ${consistentIndex}, term ${term === 0 ? 'not stored' : term}`;
  yield `compaction: scheduled ${scheduledCompactRevision}, finished ${finishedCompactRevision}`;
  if (confState !== undefined) yield `confstate ${confState}`;
  if (content.clusterVersion !== '') yield `cluster version ${content.clusterVersion}`;
  if (content.downgrade !== undefined) yield `downgrade ${content.downgrade}`;
  yield `members: ${content.members.length}${content.removedMembers.length === 0 ? '' : `, removed: ${content.removedMembers.join(' ')}`}`;
  for (const {id, name, peerUrls, clientUrls, isLearner} of content.members)
    yield `  ${id}, ${name === '' ? 'unstarted' : name}, ${peerUrls.join(',')}, ${clientUrls.join(',')}${isLearner ? ', learner' : ''}`;
  yield `leases: ${content.leases.length}`;
  for (const {id, ttl, remainingTtl} of content.leases)
    yield `  ${id}, ttl ${ttl}${remainingTtl === 0 ? '' : `, remaining ${remainingTtl}`}`;
  yield `alarms: ${content.alarms.length}`;
  for (const {member, alarm} of content.alarms) yield `  member ${member}: ${alarm.toUpperCase()}`;
  const {enabled, users, roles, revision: authRevision} = content.auth;
  yield `auth: ${enabled ? 'enabled' : 'disabled'}, revision ${authRevision}, ${users.length} users, ${roles.length} roles`;
}

function* walLines(wal: WalDump, bytesMax: number | undefined): Generator<string> {
  const {segments, metadata, snapshots, hardState, entries} = wal;
  yield '\nWAL segments:';
  for (const {file, sizeBytes, usedBytes} of segments) yield `  ${file}: ${usedBytes} of ${sizeBytes} bytes used`;
  const {term, commit, vote} = hardState;
  if (metadata !== undefined) {
    yield 'WAL metadata:';
    const {nodeId, clusterId} = metadata;
    yield `nodeID=${nodeId} clusterID=${clusterId} term=${term} commitIndex=${commit} vote=${shortId(vote)}`;
  }
  yield `WAL snapshots: ${snapshots.map((saved) => `${saved.index}@${saved.term}`).join(' ')}`;
  yield 'WAL entries:';
  yield `lastIndex=${entries.at(-1)?.entry.index ?? 0}`;
  yield 'term\t     index\ttype\tdata';
  for (const {entry, isReplaced} of entries) {
    const {type, text} = describeEntry(entry, bytesMax);
    const note = isReplaced ? '\t(replaced later)' : '';
    yield `${String(entry.term).padStart(4)}\t${String(entry.index).padStart(10)}\t${type}\t${text}${note}`;
  }
  yield `\nEntry count is: ${entries.length}`;
}

const ids = (list: readonly string[]): string => list.map(shortId).join(' ');

/** As go-humanize prints bytes: 25 kB, 1.2 MB. */
export function humanSize(sizeBytes: number): string {
  if (sizeBytes < 10) return `${sizeBytes} B`;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let scale = 1;
  while (unit < units.length - 1 && sizeBytes >= scale * 1000) {
    scale *= 1000;
    unit++;
  }
  const tenths = Math.floor((sizeBytes * 10) / scale + 0.5);
  return tenths < 100
    ? `${Math.floor(tenths / 10)}.${tenths % 10} ${units[unit]}`
    : `${Math.round(tenths / 10)} ${units[unit]}`;
}
