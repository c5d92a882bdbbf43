// reports/timeline-view.ts: the timeline of a record as bands: phases, faults in rows, and the life of each member.
// Faults are recorded when they end, so the timeline is put in order of time first; equal times keep the record's order.
import type {TimelineEvent} from '../history/timeline.ts';
import {exactSeconds} from './format.ts';
import {packRows} from './lanes.ts';
import type {FaultBand, FaultFamily, MemberEvent, MemberLane, PhaseBand, RoleSpan} from './view-types.ts';

/** Families of the fault kinds of scenarios/plan.ts and their near synonyms; anything else is 'other'. */
const FAMILIES: Readonly<Record<string, FaultFamily>> = {
  partition: 'network',
  'bad-link': 'network',
  clog: 'network',
  'reset-connections': 'network',
  kill: 'process',
  'power-off': 'process',
  pause: 'process',
  failpoint: 'process',
  'slow-disk': 'disk',
  'stall-disk': 'disk',
  'fsync-error': 'disk',
  'disk-full': 'disk',
  clock: 'clock',
};

/** The timeline in order of time. */
export function orderedTimeline(timeline: readonly TimelineEvent[]): readonly TimelineEvent[] {
  return timeline
    .map((event, index) => ({event, index}))
    .sort((a, b) => a.event.atUs - b.event.atUs || a.index - b.index)
    .map(({event}) => event);
}

/** Phases, each lasting until the next begins. */
export function phaseBands(timeline: readonly TimelineEvent[], endUs: number): PhaseBand[] {
  const begun = timeline.filter((event) => event.kind === 'phase');
  return begun.map(({phase, atUs}, index) => ({phase, fromUs: atUs, toUs: begun[index + 1]?.atUs ?? endUs}));
}

/** Faults in as few rows as keep them from overlapping. */
export function faultBands(
  timeline: readonly TimelineEvent[],
  memberNames: readonly string[],
  endUs: number,
): {readonly faults: FaultBand[]; readonly rowCount: number} {
  const faults = timeline.filter((event) => event.kind === 'fault');
  const bands = faults.map(({atUs, untilUs}) => ({fromUs: atUs, toUs: Math.max(atUs, untilUs ?? endUs)}));
  const {rows, rowCount} = packRows(bands);
  return {
    rowCount,
    faults: faults.map(({fault, members, detail, untilUs}, index) => ({
      fault,
      family: FAMILIES[fault] ?? 'other',
      detail,
      members: members.map((name) => memberNames.indexOf(name)).filter((position) => position !== -1),
      names: members,
      fromUs: bands[index]?.fromUs ?? 0,
      toUs: bands[index]?.toUs ?? endUs,
      row: rows[index] ?? 0,
      isOpen: untilUs === undefined,
    })),
  };
}

/** The lane of one member: what role it had when, and what happened to it. */
export function memberLane(name: string, timeline: readonly TimelineEvent[], endUs: number): MemberLane {
  const spans: RoleSpan[] = [];
  const events: MemberEvent[] = [];
  let open: {fromUs: number; role: RoleSpan['role']; term: number | undefined} = {
    fromUs: 0,
    role: 'down',
    term: undefined,
  };
  let release: string | undefined;
  const become = (atUs: number, role: RoleSpan['role'], term: number | undefined) => {
    if (open.role === role && open.term === term) return;
    if (atUs > open.fromUs) spans.push({...open, toUs: atUs});
    open = {fromUs: atUs, role, term};
  };
  for (const event of timeline) {
    if (event.kind === 'fault' || event.kind === 'phase' || event.member !== name) continue;
    const {atUs} = event;
    if (event.kind === 'role') become(atUs, event.role, event.term);
    else if (event.kind === 'start') {
      release = event.release;
      become(atUs, 'starting', undefined);
      events.push({kind: 'start', atUs, text: `started as etcd ${event.release}`});
    } else if (event.kind === 'stop') {
      become(atUs, 'down', undefined);
      events.push({kind: event.how, atUs, text: describeStop(event.how) + (event.message ? `: ${event.message}` : '')});
    } else events.push({kind: 'note', atUs, text: event.text});
  }
  // Nothing is told of the member: then nothing is drawn, not even that it was down.
  if (spans.length === 0 && events.length === 0 && open.role === 'down') return {name, release, spans, events};
  if (endUs > open.fromUs || spans.length === 0) spans.push({...open, toUs: Math.max(endUs, open.fromUs)});
  return {name, release, spans, events};
}

const STOPS = {
  kill: 'killed (page cache survives)',
  'power-off': 'power cut (what was not fsynced may be lost)',
  panic: 'panicked',
  stop: 'stopped in an orderly way',
} as const;

function describeStop(how: keyof typeof STOPS): string {
  return STOPS[how];
}

/** A fault in one sentence, for tooltips and for the story. */
export function describeFault({fault, names, detail, fromUs, toUs, isOpen}: FaultBand): string {
  const who = names.length === 0 ? '' : ` of ${names.join(', ')}`;
  const until = isOpen ? 'to the end' : `to ${exactSeconds(toUs)}`;
  return `${fault}${who}${detail === '' ? '' : ` (${detail})`}, ${exactSeconds(fromUs)} ${until}`;
}
