// cli/data-dir-import.ts: `etcdsim data-dir import <dir|snapshot.db> …`: simulated members start on what a real etcd wrote.
// A snapshot file (or a bare database) is restored for m1…mN of a new cluster. Data directories are one each for the members of one
// cluster: each lives on a machine of its own that has the addresses of its peer URLs, so that several may share a host.
// Prints what the members serve then, so that it can be held against the real ones: revision, hashKV, keys, leases, members, auth.
import {join} from 'node:path';
import {InputError} from '../base/input-error.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import {BackendError} from '../server-core/backend/backend-error.ts';
import type {ImportedDir} from '../server-core/datadir/import-dir.ts';
import {ImportError, importDataDir} from '../server-core/datadir/import-dir.ts';
import type {DbReport} from '../server-core/datadir/inspect.ts';
import {inspectFiles, kindOf} from '../server-core/datadir/inspect.ts';
import {rangeRequest} from '../server-core/etcdserverpb/types.ts';
import {addressOf} from '../server-core/membership/member.ts';
import {checkRelease} from '../server-core/release/released.ts';
import {qualifyServerConfig} from '../server-core/server/config.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import type {Machine} from '../sim/machine.ts';
import {World} from '../sim/world.ts';
import type {NamedFiles} from './data-dir-files.ts';
import {memberFiles, readDataFiles, requireEmpty, writeDataFiles} from './data-dir-files.ts';
import {EXIT_INPUT, EXIT_OK} from './exit-code.ts';
import {parseCount, parseSeed} from './values.ts';

export interface ImportArguments {
  readonly release?: string;
  /** Of the cluster that a snapshot is restored for, as is the token; data directories bring their own. */
  readonly members?: string;
  readonly token?: string;
  readonly seed: string;
  readonly skipHashCheck?: boolean;
  readonly json?: boolean;
  /** Write what the members have on their disks then as real data directories. */
  readonly out?: string;
}

const DATA_DIR = '/etcd';
/** Where every member listens on its machine. */
const PEER_PORT = 2380;
const DEFAULT_TOKEN = 'etcd-cluster';
/** A leader is there and everything is applied after so much virtual time, or it will not come to that. */
const START_US_MAX = 60_000_000;
const LOOK_EVERY_US = 50_000;
/** Batches of the backend are committed by then. */
const SETTLE_US = 2_000_000;
/** The release that plays a minor when none is named: the newest that was held against a real one. */
const PLAYED: Readonly<Record<string, string>> = {
  '3.3': '3.3.25',
  '3.4': '3.4.23',
  '3.5': '3.5.16',
  '3.6': '3.6.0',
  '3.7': '3.7.0',
};

/** The directory of one member, and where it was read. */
interface Source {
  readonly path: string;
  readonly dir: ImportedDir;
}

interface Started {
  readonly id: string;
  readonly name: string;
  readonly machine: Machine;
  server: EtcdServer | undefined;
  failure: string | undefined;
}

/** What one member serves. */
interface Served {
  readonly member: string;
  readonly revision: number;
  readonly compactRevision: number;
  readonly hashKv: number;
  readonly keyCount: number;
  readonly appliedIndex: number;
  readonly db: DbReport | undefined;
}

/** Starts the members and tells what they serve; returns the exit code. */
export function dataDirImportCommand(paths: readonly string[], given: ImportArguments): number {
  const world = new World({seed: parseSeed(given.seed)});
  if (given.out !== undefined) requireEmpty(given.out);
  const {sources, release} = importAll(paths, given);
  requireOneCluster(sources);
  const dirs = sources.map(({dir}) => dir);
  for (const {self} of dirs) {
    for (const url of self.peerUrls) world.network.alias(addressOf(url), `${self.id}:${PEER_PORT}`);
  }
  const started = dirs.map((dir) => start(world, dir, dirs, release));
  world.onProcessEnd((machine, _process, end) => {
    const member = started.find((one) => one.machine === machine);
    if (member !== undefined) member.failure = `${end.how}: ${end.message}`;
  });
  if (!runUntilServed(world, started)) {
    for (const {name, failure} of started)
      console.error(`etcdsim: ${name}: ${failure ?? 'no leader, or not everything applied'}`);
    return EXIT_INPUT;
  }
  const served = started.map(servedBy);
  if (given.out !== undefined) writeAll(given.out, started);
  if (given.json === true) console.log(JSON.stringify({release, members: served}));
  else for (const one of served) print(release, one);
  return EXIT_OK;
}

function importAll(paths: readonly string[], given: ImportArguments): {sources: Source[]; release: string} {
  const named = paths.map((path) => ({path, ...readDataFiles(path)}));
  const [first] = named;
  if (first === undefined) throw new InputError('nothing to import');
  const snapshot = named.find(isDatabase);
  if (snapshot !== undefined && named.length > 1)
    throw new InputError(`${snapshot.path}: a snapshot file is imported alone`);
  if (snapshot === undefined) refuseRestoreOptions(given);
  const memberCount = parseCount(given.members ?? '1', '--members', 1, 7);
  const names = Array.from({length: memberCount}, (_, i) => `m${i + 1}`);
  const release =
    given.release === undefined ? releaseFor(first.path, first) : checkRelease(given.release, '--release');
  const base = {
    release,
    dataDir: DATA_DIR,
    clusterToken: given.token ?? DEFAULT_TOKEN,
    initialCluster: names.map((name) => ({name, peerUrls: [`http://${name}:2380`]})),
    skipHashCheck: given.skipHashCheck === true,
  };
  const take = ({path, root, files}: NamedFiles & {path: string}, name: string): Source => ({
    path,
    dir: imported(path, () => importDataDir(files, root, {...base, name})),
  });
  const sources = snapshot === undefined ? named.map((one) => take(one, '')) : names.map((name) => take(first, name));
  return {sources, release};
}

function isDatabase({root, files}: NamedFiles): boolean {
  const kind = kindOf(files, root);
  return kind === 'snapshot' || kind === 'db';
}

/** Options that a data directory leaves nothing to do for. */
function refuseRestoreOptions({members, token, skipHashCheck}: ImportArguments): void {
  const named = [
    members === undefined ? '' : '--members',
    token === undefined ? '' : '--token',
    skipHashCheck === true ? '--skip-hash-check' : '',
  ];
  const option = named.find((one) => one !== '');
  if (option !== undefined)
    throw new InputError(`${option}: is for a snapshot file; a data directory is a member of its own cluster`);
}

/** Each directory is of another member, and all are of one cluster. */
function requireOneCluster(sources: readonly Source[]): void {
  const [first] = sources;
  const pathOf = new Map<string, string>();
  for (const {path, dir} of sources) {
    const {id, name} = dir.self;
    const other = pathOf.get(id);
    if (other !== undefined) throw new InputError(`${path}: is of member ${name || id}, as ${other} is`);
    pathOf.set(id, path);
    if (first !== undefined && dir.clusterId !== first.dir.clusterId) {
      const {clusterId} = first.dir;
      throw new InputError(
        `${path}: is of the cluster ${dir.clusterId}, and ${first.path} of the cluster ${clusterId}`,
      );
    }
  }
}

/** By the cluster version that the database knows. */
function releaseFor(path: string, {root, files}: NamedFiles): string {
  const kind = kindOf(files, root);
  if (kind !== 'data-dir' && kind !== 'snapshot' && kind !== 'db')
    throw new InputError(`${path}: neither a data directory nor a snapshot file of etcd`);
  const {db, damages} = inspectFiles(files, kind, root);
  const [first] = damages;
  if (db === undefined && first !== undefined)
    throw new InputError(`${first.file}: offset ${first.offset}: ${first.reason}`);
  const version = db?.content.clusterVersion ?? '';
  const release = PLAYED[version.split('.').slice(0, 2).join('.')];
  if (release === undefined)
    throw new InputError(`${path}: its cluster version is ${version || 'not known'}: name a --release`);
  return release;
}

function imported<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ImportError) throw new InputError(`${path}: ${error.message}`);
    if (error instanceof BackendError)
      throw new InputError(`${error.file}: offset ${error.offset ?? 0}: ${error.reason}`);
    throw error;
  }
}

/** Puts a member's files on a machine of its own, which has its id as name, and starts it there. */
function start(world: World, dir: ImportedDir, all: readonly ImportedDir[], release: string): Started {
  const {self, members} = dir;
  const missing = members.filter(({id}) => !all.some((other) => other.self.id === id));
  if (missing.length * 2 >= members.length) {
    const names = missing.map(({name, id}) => name || id).join(', ');
    throw new InputError(
      `${self.name}: its cluster has ${members.length} members; without ${names} there is no quorum`,
    );
  }
  const [peerUrl] = self.peerUrls;
  if (peerUrl === undefined) throw new InputError(`${self.id}: its peer URLs are not known`);
  const machine = world.addMachine(self.id);
  for (const [path, bytes] of dir.files) machine.disk.importFile(path, bytes);
  const member: Started = {id: self.id, name: self.name || self.id, machine, server: undefined, failure: undefined};
  const config = qualifyServerConfig({
    name: member.name,
    release,
    dataDir: DATA_DIR,
    initialCluster: [{name: member.name, peerUrls: self.peerUrls}],
    clientUrls: self.clientUrls.length > 0 ? self.clientUrls : [`http://${new URL(peerUrl).hostname}:2379`],
    peerPort: PEER_PORT,
  });
  machine.start(`etcd ${release}`, (env) =>
    etcdProgram(env, config, (server) => {
      member.server = server;
    }),
  );
  return member;
}

function runUntilServed(world: World, started: readonly Started[]): boolean {
  const deadlineUs = world.nowUs + START_US_MAX;
  while (world.nowUs < deadlineUs) {
    world.runUntil(world.nowUs + LOOK_EVERY_US);
    if (started.some(({failure}) => failure !== undefined)) return false;
    const committed = Math.max(...started.map(({server}) => server?.raft.node.committed ?? Number.POSITIVE_INFINITY));
    const isLed = started.some(({server}) => server?.raft.node.role === 'leader');
    if (!isLed || started.some(({server}) => server?.appliedIndex !== committed)) continue;
    world.runUntil(world.nowUs + SETTLE_US);
    return started.every(({failure}) => failure === undefined);
  }
  return false;
}

function servedBy({name, machine, server}: Started): Served {
  if (server === undefined) throw new InputError(`${name}: is not up`);
  const {store} = server.applier;
  const hash = store.hashKv(0);
  const answer = store.range(rangeRequest('\0', {rangeEnd: '\0', countOnly: true}));
  const files = new Map(machine.disk.paths().map((path) => [path, machine.disk.peek(path) ?? new Uint8Array(0)]));
  return {
    member: name,
    revision: store.currentRevision,
    compactRevision: store.compactRevision,
    hashKv: 'hash' in hash ? hash.hash : 0,
    keyCount: 'count' in answer ? answer.count : 0,
    appliedIndex: server.appliedIndex,
    db: inspectFiles(files, 'data-dir', DATA_DIR).db,
  };
}

/** One folder, or one below it for each member, as `kill -9` leaves them. */
function writeAll(folder: string, started: readonly Started[]): void {
  for (const member of started) {
    const {machine} = member;
    machine.kill();
    const target = started.length === 1 ? folder : join(folder, folderOf(member, started));
    writeDataFiles(target, memberFiles(machine, DATA_DIR));
  }
}

/** By its name, unless that is no name of a folder or another member has it too: then by its id. */
function folderOf({id, name}: Started, started: readonly Started[]): string {
  const isAlone = started.every((other) => other.id === id || other.name !== name);
  return isAlone && /^[\w-][\w.-]*$/.test(name) ? name : id;
}

function print(release: string, {member, revision, compactRevision, hashKv, keyCount, appliedIndex, db}: Served): void {
  console.log(
    `${member} as etcd ${release}: revision ${revision}, compacted ${compactRevision}, applied ${appliedIndex}`,
  );
  console.log(`  ${keyCount} keys, hashKV ${hashKv}`);
  if (db === undefined) return;
  const {leases, members, auth, alarms} = db.content;
  console.log(`  leases: ${leases.map(({id, ttl}) => `${id} (${ttl} s)`).join(', ') || 'none'}`);
  console.log(`  members: ${members.map(({id, name}) => `${id} ${name}`).join(', ')}`);
  console.log(`  alarms: ${alarms.map((one) => `${one.member} ${one.alarm}`).join(', ') || 'none'}`);
  console.log(
    `  auth: ${auth.enabled ? 'enabled' : 'disabled'}, users ${auth.users.join(' ')}, roles ${auth.roles.join(' ')}`,
  );
}
