// tools/layers.ts: the architecture as a table: what each folder may import, itself aside. layers.test.ts reads every import,
// types included. Test files may import anything below their own layer's users: see TEST_EXTRA.

export const LAYERS = {
  base: [],
  env: ['base'],
  history: ['base'],
  sim: ['base', 'env'],
  'server-core': ['base', 'env'],
  checkers: ['base', 'history'],
  scenarios: ['base', 'env', 'history', 'sim', 'server-core', 'checkers'],
  reports: ['base', 'history'],
  campaign: ['base', 'history', 'scenarios', 'reports'],
  live: ['base', 'history', 'scenarios', 'reports'],
  // data-dir reads and writes etcd's files, which only server-core knows.
  cli: ['base', 'env', 'history', 'sim', 'server-core', 'checkers', 'scenarios', 'reports', 'campaign', 'live'],
  tools: [
    'base',
    'env',
    'history',
    'sim',
    'server-core',
    'checkers',
    'scenarios',
    'reports',
    'campaign',
    'live',
    'cli',
  ],
} as const satisfies Record<string, readonly string[]>;

export type Layer = keyof typeof LAYERS;

/** Tests may drive a part with its real neighbours: server-core's tests run on sim's disk, kernel and network. */
export const TEST_EXTRA: Readonly<Record<string, readonly string[]>> = {
  'server-core': ['sim'],
  sim: [],
};

/** Inside server-core: which part may import which. Parts not named here may be imported by none but `server`. */
export const SERVER_CORE_PARTS: Readonly<Record<string, readonly string[]>> = {
  release: [],
  errata: ['release'],
  raftpb: [],
  raft: ['raftpb'],
  etcdserverpb: ['raftpb'],
  wal: ['release', 'raftpb', 'raft'],
  snap: ['release', 'raftpb', 'wal'],
  backend: ['release'],
  mvcc: ['release', 'errata', 'etcdserverpb', 'backend'],
  lease: ['release', 'etcdserverpb', 'backend', 'mvcc'],
  watch: ['release', 'errata', 'etcdserverpb', 'backend', 'mvcc'],
  auth: ['release', 'etcdserverpb', 'backend', 'mvcc'],
  v2store: [],
  schema: ['release', 'errata', 'etcdserverpb', 'raftpb', 'backend', 'wal'],
  membership: ['release', 'errata', 'backend', 'raftpb', 'v2store', 'etcdserverpb'],
  version: ['release', 'backend', 'membership', 'schema', 'etcdserverpb', 'v2store'],
  rafthttp: ['raftpb'],
  discovery: ['release', 'etcdserverpb', 'membership'],
  corruption: ['release', 'etcdserverpb', 'mvcc', 'membership', 'rafthttp'],
  concurrency: ['release', 'etcdserverpb', 'mvcc', 'server', 'watch'],
  api: [
    'release',
    'etcdserverpb',
    'mvcc',
    'server',
    'lease',
    'watch',
    'auth',
    'membership',
    'version',
    'concurrency',
    'discovery',
    'backend',
  ],
  client: ['release', 'etcdserverpb', 'api'],
  datadir: [
    'release',
    'raftpb',
    'raft',
    'etcdserverpb',
    'wal',
    'snap',
    'backend',
    'mvcc',
    'membership',
    'schema',
    'v2store',
    'server',
  ],
  server: [
    'release',
    'errata',
    'raftpb',
    'raft',
    'etcdserverpb',
    'wal',
    'snap',
    'backend',
    'mvcc',
    'lease',
    'watch',
    'auth',
    'v2store',
    'schema',
    'membership',
    'version',
    'rafthttp',
    'discovery',
    'corruption',
  ],
};

/** One import that the table does not allow. */
export interface LayerBreach {
  readonly file: string;
  readonly line: number;
  readonly imports: string;
  readonly reason: string;
}

const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/;
// The last line of an import that is spread over several lines.
const IMPORT_TAIL = /^\s*}\s*from\s*['"]([^'"]+)['"]/;

/** The import targets of a source text, with their lines, counting from 1. */
export function importsOf(text: string): {readonly target: string; readonly line: number}[] {
  const found: {target: string; line: number}[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const match = IMPORT.exec(line) ?? IMPORT_TAIL.exec(line);
    const target = match?.[1] ?? match?.[2] ?? match?.[3];
    if (target !== undefined) found.push({target, line: index + 1});
  }
  return found;
}

/** Where `from` (a path from the root) points with a relative import, as a path from the root. */
export function resolveImport(from: string, target: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Every import in a file that points where it may not. */
export function layerBreaches(file: string, text: string): LayerBreach[] {
  const layer = file.split('/')[0] as Layer;
  const allowed: readonly string[] | undefined = LAYERS[layer];
  if (allowed === undefined) return [];
  const isTest = /\.(test|bench)\.ts$|\/test-[^/]*\.ts$/.test(file);
  const breaches: LayerBreach[] = [];
  for (const {target, line} of importsOf(text)) {
    if (!target.startsWith('.')) continue;
    const resolved = resolveImport(file, target);
    const other = resolved.split('/')[0] ?? '';
    const breach = (reason: string) => breaches.push({file, line, imports: resolved, reason});
    if (!/\.(ts|json|js)$/.test(target)) breach('imports name the file with its ending');
    if (other !== layer && !allowed.includes(other) && !(isTest && TEST_EXTRA[layer]?.includes(other))) {
      breach(`${layer}/ may not import ${other}/`);
    }
    if (layer === 'server-core' && other === layer && !isTest) checkPart(file, resolved, breach);
  }
  return breaches;
}

function checkPart(file: string, resolved: string, breach: (reason: string) => void): void {
  const from = file.split('/')[1] ?? '';
  const to = resolved.split('/')[1] ?? '';
  const allowed = SERVER_CORE_PARTS[from];
  if (allowed === undefined) breach(`server-core/${from} is missing in tools/layers.ts`);
  else if (from !== to && !allowed.includes(to)) breach(`server-core/${from} may not import server-core/${to}`);
}
