// server-core/discovery/discovery.ts: members of a cluster to be find each other through another cluster: v3 discovery, 3.6 on.
// etcd: etcdserver/api/v3discovery/discovery.go. Under /_etcd/registry/<token> lie `_config/size`, which the operator puts there, and
// `members/<id>`, which each member puts for itself; the first `size` by creation are the cluster.
// The discovery service is asked through a port; api/discovery-service.ts fills it, since no server may know a client.
// Not modelled: v2 discovery (discovery.etcd.io, up to 3.6), DNS SRV records, TLS and users of the service.
import type {ByteString} from '../../base/byte-string.ts';
import {fromUtf8Text, toBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {Fiber, MonotonicClock} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {parsePeerUrls} from '../membership/peer-urls.ts';
import {ServerEnded} from '../membership/process-end.ts';

/** --discovery-token, --discovery-endpoints and what goes with them. */
export interface DiscoveryOptions {
  readonly token: string;
  /** `http://host:port`. */
  readonly endpoints: readonly string[];
  /** --discovery-request-timeout; 5 s when not given. */
  readonly requestTimeoutMs?: number;
}

/** A pair of the registry. */
export interface RegistryEntry {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly createRevision: number;
}

/** The cluster that keeps the registry, as a client sees it. Calls end after the request timeout at the latest. */
export interface DiscoveryService {
  /** The key, or all that begin with it, in order of keys; undefined: no answer. */
  get(
    key: ByteString,
    isPrefix: boolean,
  ): Fiber<{readonly entries: readonly RegistryEntry[]; readonly revision: number} | undefined>;
  /** False: no answer. */
  put(key: ByteString, value: ByteString): Fiber<boolean>;
  /**
   * Shows what is put under the prefix from that revision on until `seen` has had enough. Comes back sooner only when the service
   * ends the watch, as it does where the revision was compacted.
   */
  watch(prefix: ByteString, revision: number, seen: (entry: RegistryEntry) => boolean): Fiber<void>;
  close(): void;
}

export interface DiscoveryHost {
  readonly clock: MonotonicClock;
  readonly service: DiscoveryService;
  readonly token: string;
  readonly id: MemberId;
  readonly note: (text: string) => void;
}

/** One entry of the initial cluster that was found. */
export interface FoundMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

const REGISTRY = '/_etcd/registry';
/** 2^n seconds, n up to eight; there is no end to it (nRetries is the largest number there is). */
const RETRY_EXPONENT_MAX = 8;

const toText = (bytes: ByteString): string => new TextDecoder().decode(toBytes(bytes));

const sizeKey = (token: string): string => `${REGISTRY}/${token}/_config/size`;
const membersKey = (token: string): string => `${REGISTRY}/${token}/members`;

type Trouble = 'full' | 'size-missing' | 'size-bad';

const TEXTS: Readonly<Record<Trouble | 'bad-url', string>> = {
  full: 'discovery: cluster is full',
  'size-missing': 'discovery: size key not found',
  'size-bad': 'discovery: size key is bad',
  'bad-url': 'discovery: invalid peer URL',
};

/** What the registry says of the cluster. */
interface Registry {
  readonly size: number;
  readonly revision: number;
  readonly found: RegistryEntry[];
}

const refused = (reason: keyof typeof TEXTS): ServerEnded =>
  new ServerEnded(`failed to join discovery cluster (${TEXTS[reason]})`);

/**
 * Registers this member as `name=url,…` and waits until the cluster is complete. Throws ServerEnded. etcd: JoinCluster.
 */
export function* discoverCluster(host: DiscoveryHost, self: FoundMember): Fiber<FoundMember[]> {
  const discovery = new Discovery(host);
  try {
    return yield* discovery.join(initialClusterText(self));
  } finally {
    host.service.close();
  }
}

class Discovery {
  private readonly host: DiscoveryHost;
  private retries = 0;

  constructor(host: DiscoveryHost) {
    this.host = host;
  }

  *join(contents: string): Fiber<FoundMember[]> {
    yield* this.check();
    yield* this.register(contents);
    const registry = yield* this.check();
    while (registry.found.length < registry.size) yield* this.waitForMembers(registry);
    return membersOf(registry);
  }

  /** Throws ServerEnded where this member has no place. etcd: checkCluster. */
  private *check(): Fiber<Registry> {
    for (;;) {
      const size = yield* this.clusterSize();
      const listed = size === undefined ? undefined : yield* this.host.service.get(fromUtf8Text(this.members), true);
      if (size === undefined || listed === undefined) {
        yield* this.backOff('cluster status check');
        continue;
      }
      this.retries = 0;
      const registry: Registry = {size, revision: listed.revision, found: []};
      for (const entry of listed.entries) this.add(registry, entry);
      const own = `${this.members}/${formatId(this.host.id)}`;
      const place = registry.found.findIndex(({key}) => toText(key) === own);
      const isFull = place < 0 ? registry.found.length >= size : place >= size;
      if (isFull) throw refused('full');
      return registry;
    }
  }

  private get members(): string {
    return membersKey(this.host.token);
  }

  /** Undefined: no answer. Throws ServerEnded where the operator has put nothing sensible. */
  private *clusterSize(): Fiber<number | undefined> {
    const answer = yield* this.host.service.get(fromUtf8Text(sizeKey(this.host.token)), false);
    if (answer === undefined) return undefined;
    const [entry] = answer.entries;
    if (entry === undefined) throw refused('size-missing');
    const text = toText(entry.value);
    const size = /^[+-]?\d+$/.test(text) ? Number(text) : 0;
    if (!Number.isSafeInteger(size) || size <= 0) throw refused('size-bad');
    return size;
  }

  /** Without a lease and whatever stands there: who comes back keeps its place. etcd: registerSelf. */
  private *register(contents: string): Fiber<void> {
    const key = `${this.members}/${formatId(this.host.id)}`;
    while (!(yield* this.host.service.put(fromUtf8Text(key), fromUtf8Text(contents)))) {
      yield* this.backOff('register member itself');
    }
    this.retries = 0;
    this.host.note(`registered at the discovery service as ${contents}`);
  }

  /** etcd: waitPeers. A watch that ends without enough is opened again at the same revision and at once. */
  private *waitForMembers(registry: Registry): Fiber<void> {
    this.host.note(`waiting for peers from discovery service: ${registry.found.length} of ${registry.size}`);
    yield* this.host.service.watch(fromUtf8Text(this.members), registry.revision + 1, (entry) => {
      this.add(registry, entry);
      return registry.found.length >= registry.size;
    });
  }

  /** Those with a place in it, by creation; what is no member, or is known, is passed over. */
  private add({found}: Registry, entry: RegistryEntry): void {
    const known = found.some(({key}) => key === entry.key);
    if (known || !entry.value.includes('=')) return;
    found.push(entry);
    found.sort((a, b) => a.createRevision - b.createRevision || (a.key < b.key ? -1 : 1));
  }

  private *backOff(reason: string): Fiber<void> {
    this.retries++;
    const seconds = 2 ** Math.min(this.retries, RETRY_EXPONENT_MAX);
    this.host.note(`retry connecting to discovery service: ${reason}, backoff ${seconds}s`);
    yield* sleepUs(this.host.clock, seconds * 1_000_000);
  }
}

const initialClusterText = ({name, peerUrls}: FoundMember): string =>
  [...peerUrls]
    .sort()
    .map((url) => `${name}=${url}`)
    .join(',');

/** The first `size` members, read as one --initial-cluster: entries of one name are one member. Throws ServerEnded. */
function membersOf({found, size}: Registry): FoundMember[] {
  const urlsOf = new Map<string, string[]>();
  const text = found
    .slice(0, size)
    .map(({value}) => toText(value).trim())
    .join(',');
  for (const pair of text.split(',')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const [name, url] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    const urls = urlsOf.get(name);
    if (urls === undefined) urlsOf.set(name, [url]);
    else urls.push(url);
  }
  const members: FoundMember[] = [];
  const seen = new Set<string>();
  for (const [name, urls] of urlsOf) {
    const parsed = parsePeerUrls(urls.map(fromUtf8Text));
    if (parsed === undefined) throw refused('bad-url');
    const peerUrls = parsed.map(toText);
    for (const url of peerUrls) {
      if (seen.has(url)) throw new ServerEnded(`discovery cluster ${sortedPairs(text)} has duplicate url`);
      seen.add(url);
    }
    members.push({name, peerUrls});
  }
  return members;
}

/** URLsMap.String. */
const sortedPairs = (text: string): string => text.split(',').sort().join(',');
