// scenarios/life/skips.ts: what comes of an upgrade that leaves minors out, as version-rules.md §4 has it from etcd's sources: nothing in
// the negotiation forbids it, but what a much newer member writes an older one may not know.
import {isSince, parseRelease} from '../../server-core/release/release.ts';
import type {RollingOptions} from './paths.ts';
import {rollingSteps} from './paths.ts';
import type {Step} from './steps.ts';

/** How a jump ends, member by member. */
export type Jump =
  /** Mechanically it works. */
  | 'works'
  /** Every member below 3.5 ends when the first of 3.6 or newer has told its name by an entry that they do not know (1301). */
  | 'older-members-end'
  /** 3.7 reads no entries of the v2 API, and members of 3.5 have left some in the log. */
  | 'newer-member-ends'
  /** 3.6 ends on reads of the v2 store, which health checks up to 3.4.28 have left in the log (errata UM-10). */
  | 'newer-member-ends-on-reads';

/** What etcd says where it ends. */
const UNKNOWN_ENTRY = 'not implemented';
const UNREADABLE_ENTRY = 'unmarshal should never fail';
const DISALLOWED_ENTRY = 'detected disallowed v2 WAL';

/** What comes of going from one release to another that lies more than a minor away. */
export function jumpOf(from: string, to: string): Jump {
  const older = parseRelease(from)?.minor ?? 0;
  const newer = parseRelease(to)?.minor ?? 0;
  if (newer === 6 && !isSince(from, '3.4.29', '3.5.0')) return 'newer-member-ends-on-reads';
  if (newer >= 6 && older <= 4) return 'older-members-end';
  return newer >= 7 && older <= 5 ? 'newer-member-ends' : 'works';
}

/** The steps of a jump of the whole cluster. Where it does not work, what it costs shows, and the way out is taken. */
export function jumpSteps(from: string, to: string, rolling: RollingOptions): Step[] {
  const {order, how} = rolling;
  const [first = '', ...others] = order;
  switch (jumpOf(from, to)) {
    case 'works':
      return rollingSteps(to, rolling);
    case 'older-members-end':
      // The older ones would end again at every start: the entry is in the log. Only the newer binary reads it.
      return [
        {kind: how, member: first},
        {kind: 'replace-binary', member: first, release: to},
        {
          kind: 'start',
          member: first,
          ends: others.map((member) => ({member, text: UNKNOWN_ENTRY})),
          // Once the quorum is gone nobody applies anything any more.
          endsCountMin: order.length - Math.floor(order.length / 2),
        },
        ...others.flatMap((member): Step[] => [
          {kind: 'kill', member},
          {kind: 'replace-binary', member, release: to},
          {kind: 'start', member},
        ]),
        {kind: 'wait-healthy'},
      ];
    case 'newer-member-ends':
      return triedSteps(from, to, rolling, UNREADABLE_ENTRY);
    case 'newer-member-ends-on-reads':
      return triedSteps(from, to, rolling, DISALLOWED_ENTRY);
  }
}

/** The first member cannot go on with its log; with the old binary it can. */
const triedSteps = (from: string, to: string, {order: [first = ''], how}: RollingOptions, refused: string): Step[] => [
  {kind: how, member: first},
  {kind: 'replace-binary', member: first, release: to},
  {kind: 'start', member: first, refused},
  {kind: 'replace-binary', member: first, release: from},
  {kind: 'start', member: first},
  {kind: 'wait-healthy'},
];
