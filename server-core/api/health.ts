// server-core/api/health.ts: /health, /livez, /readyz and /version on the client port, as each release answers them.
// etcd: etcdserver/api/etcdhttp (health.go, version.go, metrics.go); the observed answers are in the errata's HTTP table.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import {rangeRequest} from '../etcdserverpb/types.ts';
import {isSince} from '../release/release.ts';
import type {EtcdServer} from '../server/server.ts';

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

/** Which health paths and options a release has. */
export interface HealthBehaviours {
  /** `reason` stands beside `health`: 3.5.0 on. */
  readonly tellsReason: boolean;
  /** ?exclude=NOSPACE: 3.4.16, 3.5.0. */
  readonly excludesAlarms: boolean;
  /** ?serializable=true asks this member only: 3.4.29, 3.5.3. */
  readonly hasSerializable: boolean;
  /** /livez and /readyz: 3.4.29, 3.5.11. */
  readonly hasProbes: boolean;
  /** /readyz asks whether the member is a learner: 3.5.19, 3.6.0. */
  readonly probesLearner: boolean;
  /**
   * How the read of a health check is made: as a v3 range from 3.4.29 and 3.5 on. Before, as a quorum read of the v2 store, which leaves an
   * entry in the log that 3.6 does not start on (errata UM-10).
   */
  readonly readsV3: boolean;
  /**
   * What a member that knows a leader is asked. progress: does raft's index move within three looks, 250 ms apart: 3.0. read: does a read
   * of the v2 store come through in a second: 3.1, 3.2. alarms-and-read: that, and no alarm is raised: 3.3 on.
   */
  readonly asks: 'progress' | 'read' | 'alarms-and-read';
}

/** The behaviours of a release. */
export function healthBehaviours(release: string): HealthBehaviours {
  return Object.freeze({
    tellsReason: isSince(release, '3.5.0'),
    excludesAlarms: isSince(release, '3.4.16', '3.5.0'),
    hasSerializable: isSince(release, '3.4.29', '3.5.3', '3.6.0'),
    hasProbes: isSince(release, '3.4.29', '3.5.11', '3.6.0'),
    probesLearner: isSince(release, '3.5.19', '3.6.0'),
    readsV3: isSince(release, '3.4.29', '3.5.0'),
    asks: isSince(release, '3.3.0') ? 'alarms-and-read' : isSince(release, '3.1.0') ? 'read' : 'progress',
  });
}

/** What all but GET get. etcd: allowMethod. */
export const METHOD_NOT_ALLOWED: HttpReply = {status: 405, body: 'Method Not Allowed\n'};
const NOT_FOUND: HttpReply = {status: 404, body: '404 page not found\n'};

/** A query's values by name; values are not decoded, since none of etcd's needs it. */
function queryOf(path: string): Map<string, string[]> {
  const query = new Map<string, string[]>();
  for (const pair of (path.split('?')[1] ?? '').split('&')) {
    const [name = '', value = ''] = pair.split('=');
    if (name !== '') query.set(name, [...(query.get(name) ?? []), value]);
  }
  return query;
}

/** Written by hand up to 3.2, with a space; http.Error ends the line. */
const EARLY_HEALTHY: HttpReply = {status: 200, body: '{"health": "true"}'};
const EARLY_SICK: HttpReply = {status: 503, body: '{"health": "false"}\n'};
const READ_TIMEOUT_US = 1_000_000;
const PROGRESS_LOOKS = 3;
const PROGRESS_PAUSE_US = 250_000;

function* resolves(answered: Promised<boolean>, read: Fiber<boolean>): Fiber<void> {
  answered.resolve(yield* read);
}

export class HealthApi {
  private readonly env: Env;
  private readonly server: EtcdServer;
  private readonly behaviours: HealthBehaviours;
  /** Answers of /health so far. */
  readonly counts = {successes: 0, failures: 0};

  constructor(env: Env, server: EtcdServer, behaviours: HealthBehaviours) {
    this.env = env;
    this.server = server;
    this.behaviours = behaviours;
  }

  /** Answers a request; undefined when the path is none of these. */
  *handle(method: string, target: string): Fiber<HttpReply | undefined> {
    const path = target.split('?')[0] ?? '';
    const [, root = '', check] = path.split('/');
    if (path !== '/health' && !(this.behaviours.hasProbes && (root === 'livez' || root === 'readyz'))) return undefined;
    if (method !== 'GET') return METHOD_NOT_ALLOWED;
    const query = queryOf(target);
    if (path === '/health') {
      const reply = yield* this.health(query);
      if (reply.status === 200) this.counts.successes++;
      else this.counts.failures++;
      return reply;
    }
    return yield* this.probe(root === 'livez' ? 'livez' : 'readyz', check, query);
  }

  private *health(query: ReadonlyMap<string, readonly string[]>): Fiber<HttpReply> {
    const {tellsReason, excludesAlarms, hasSerializable, asks} = this.behaviours;
    if (asks !== 'alarms-and-read') return (yield* this.isHealthy(asks)) ? EARLY_HEALTHY : EARLY_SICK;
    const excluded = excludesAlarms ? (query.get('exclude') ?? []) : [];
    const isSerializable = hasSerializable && query.get('serializable')?.[0] === 'true';
    const reason =
      this.alarmReason(excluded) ?? this.leaderReason(isSerializable) ?? (yield* this.readReason(isSerializable));
    const health = reason === undefined ? 'true' : 'false';
    const body = tellsReason ? JSON.stringify({health, reason: reason ?? ''}) : JSON.stringify({health});
    return reason === undefined ? {status: 200, body} : {status: 503, body: `${body}\n`};
  }

  /** As before 3.3. */
  private *isHealthy(asks: 'progress' | 'read'): Fiber<boolean> {
    const {server, env} = this;
    if (!server.hasLeader) return false;
    if (asks === 'read') return yield* this.readsV2();
    const index = server.appliedIndex;
    for (let looks = 0; looks < PROGRESS_LOOKS; looks++) {
      yield* sleepUs(env.clock, PROGRESS_PAUSE_US);
      if (server.appliedIndex > index) return true;
    }
    return false;
  }

  /** Does a read of the v2 store come through in time? etcd: checkHealth. */
  private *readsV2(): Fiber<boolean> {
    const {server, env} = this;
    const answered = new Promised<boolean>();
    env.spawn('health-read', resolves(answered, server.clusterApi.readsV2()));
    const outcome = yield* select(env, {answered, deadline: after(env.clock, READ_TIMEOUT_US)});
    return outcome.kind === 'answered' && outcome.value;
  }

  private alarmReason(excluded: readonly string[]): string | undefined {
    for (const {alarm} of this.server.applier.alarms.list('none')) {
      const name = typeof alarm === 'number' ? String(alarm) : alarm.toUpperCase();
      if (excluded.includes(name)) continue;
      return name === 'NOSPACE' || name === 'CORRUPT' ? `ALARM ${name}` : 'ALARM UNKNOWN';
    }
    return undefined;
  }

  private leaderReason(isSerializable: boolean): string | undefined {
    return isSerializable || this.server.hasLeader ? undefined : 'RAFT NO LEADER';
  }

  private *readReason(isSerializable: boolean): Fiber<string | undefined> {
    if (!this.behaviours.readsV3) return (yield* this.readsV2()) ? undefined : 'QGET ERROR';
    const failed = yield* this.read(isSerializable);
    return failed === undefined ? undefined : `RANGE ERROR:${failed}`;
  }

  /** A read as root of a key that no client can name; why it failed. */
  private *read(isSerializable: boolean): Fiber<string | undefined> {
    const {kv, parts} = this.server;
    const request = rangeRequest('', {keysOnly: true, limit: 1, serializable: isSerializable});
    const answer = yield* kv.rangeUnchecked(request, parts.auth.rootToken());
    return answer.kind === 'ok' ? undefined : answer.message;
  }

  private *probe(
    root: 'livez' | 'readyz',
    only: string | undefined,
    query: ReadonlyMap<string, readonly string[]>,
  ): Fiber<HttpReply> {
    const all = this.checksOf(root);
    if (only !== undefined && !all.includes(only)) return NOT_FOUND;
    const excluded = only === undefined ? (query.get('exclude') ?? []) : [];
    const names = only === undefined ? all.filter((name) => !excluded.includes(name)) : [only];
    let lines = '';
    let isFailed = false;
    for (const name of names) {
      const failed = yield* this.check(name);
      lines += failed === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${failed}\n`;
      if (failed !== undefined) isFailed = true;
    }
    if (isFailed) return {status: 503, body: `${lines}\n`};
    return {status: 200, body: query.has('verbose') ? `${lines}ok\n` : 'ok\n'};
  }

  private checksOf(root: 'livez' | 'readyz'): readonly string[] {
    if (root === 'livez') return ['serializable_read'];
    const checks = ['data_corruption', 'serializable_read', 'linearizable_read'];
    return this.behaviours.probesLearner ? [...checks, 'non_learner'] : checks;
  }

  private *check(name: string): Fiber<string | undefined> {
    switch (name) {
      case 'data_corruption':
        return this.server.applier.alarms.has('corrupt') ? 'alarm activated: CORRUPT' : undefined;
      case 'non_learner':
        return this.server.isLearner ? 'not supported for learner' : undefined;
      default: {
        const failed = yield* this.read(name === 'serializable_read');
        return failed === undefined ? undefined : `range error: ${failed}`;
      }
    }
  }
}
