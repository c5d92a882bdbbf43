// reports/plan-summary.ts: a plan as a few plain words. A plan's schema belongs to scenarios/; here it is looked at as JSON, and what
// is not there is not told.
import {counted, duration, listed} from './format.ts';

/** Phrases such as "3 members of 3.6.0" and "2 kills"; empty where the plan says nothing that is known here. */
export function summarizePlan(plan: Readonly<Record<string, unknown>>): string[] {
  const phrases: string[] = [];
  const add = (phrase: string | undefined) => {
    if (phrase !== undefined) phrases.push(phrase);
  };
  const cluster = section(plan, 'cluster');
  const members = whole(cluster, 'memberCount');
  const release = cluster['release'];
  add(
    members === undefined
      ? undefined
      : counted(members, 'member') + (typeof release === 'string' ? ` of ${release}` : ''),
  );
  add(describeTraffic(section(plan, 'traffic')));
  add(describeFaults(plan['faults']));
  const safetyUs = whole(plan, 'safetyUs');
  const livenessUs = whole(plan, 'livenessUs');
  if (safetyUs !== undefined) {
    const isCalm = Array.isArray(plan['faults']) && plan['faults'].length === 0;
    const safety = `${duration(safetyUs)} ${isCalm ? 'of traffic' : 'under faults'}`;
    const then = isCalm ? 'then' : 'then healed and';
    add(livenessUs === undefined ? safety : `${safety}, ${then} ${duration(livenessUs)} to make progress`);
  }
  return phrases;
}

function describeTraffic(traffic: Readonly<Record<string, unknown>>): string | undefined {
  const clients = whole(traffic, 'clientCount');
  if (clients === undefined) return undefined;
  const keys = whole(traffic, 'keyCount');
  const rate = whole(traffic, 'operationsPerSecond');
  const parts = [counted(clients, 'client')];
  if (keys !== undefined) parts.push(`on ${counted(keys, 'key')}`);
  if (rate !== undefined)
    parts.push(rate === 0 ? 'as fast as answers come' : `at ${counted(rate, 'operation')} a second`);
  return parts.join(' ');
}

function describeFaults(faults: unknown): string | undefined {
  if (!Array.isArray(faults)) return undefined;
  if (faults.length === 0) return 'no faults';
  const counts = new Map<string, number>();
  for (const fault of faults as readonly unknown[]) {
    const kind = (fault as {kind?: unknown} | null)?.kind;
    if (typeof kind === 'string') counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return `${counted(faults.length, 'fault')}: ${listed(sorted.map(([kind, count]) => `${count} × ${kind}`))}`;
}

function section(json: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = json[name];
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function whole(json: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = json[name];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}
