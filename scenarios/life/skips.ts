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
  /**
   * It works, but a member of 3.4 or 3.5 has nobody to ask for an index to read at while 3.0 leads, whose raft does not know the question:
   * it is not healthy until a newer one leads. 3.1 reads through the log meanwhile (legacyRange), and up to 3.3 health is a v2 read.
   */
  | 'newer-members-wait'
  /** Every member below 3.5 ends when the first of 3.6 has told its name by an entry that they do not know (1301). */
  | 'older-members-end'
  /** 3.7 reads no entries of the v2 API, and members up to 3.5 have left some in the log: names, the cluster's version, health checks. */
  | 'newer-member-ends'
  /** 3.6 ends on reads of the v2 store, which health checks up to 3.4.28 have left in the log (errata UM-10). */
  | 'newer-member-ends-on-reads';

/** What etcd says where it ends. */
const UNKNOWN_ENTRY = 'not implemented';
const UNREADABLE_ENTRY = 'unmarshal should never fail';
const DISALLOWED_ENTRY = 'detected disallowed v2 WAL';

/** A member is up, knows who leads and has what the others have: elections take two seconds at most. */
const CATCH_UP_US = 4_000_000;

/** What comes of going from one release to another that lies more than a minor away. */
export function jumpOf(from: string, to: string): Jump {
  const older = parseRelease(from)?.minor ?? 0;
  const newer = parseRelease(to)?.minor ?? 0;
  // 3.7 reads the log before it tells its name, so it ends first, and the older ones live on.
  if (newer >= 7) return older <= 5 ? 'newer-member-ends' : 'works';
  if (newer === 6 && !isSince(from, '3.4.29', '3.5.0')) return 'newer-member-ends-on-reads';
  if (newer === 6 && older <= 4) return 'older-members-end';
  return older === 0 && newer >= 4 ? 'newer-members-wait' : 'works';
}

/** The steps of a jump of the whole cluster. Where it does not work, what it costs shows, and the way out is taken. */
export function jumpSteps(from: string, to: string, rolling: RollingOptions): Step[] {
  const {order, how} = rolling;
  const [first = '', ...others] = order;
  switch (jumpOf(from, to)) {
    case 'works':
      return rollingSteps(to, rolling);
    case 'newer-members-wait':
      return [
        ...order.flatMap((member): Step[] => [
          {kind: how, member},
          {kind: 'replace-binary', member, release: to},
          {kind: 'start', member},
          {kind: 'wait', us: CATCH_UP_US},
        ]),
        {kind: 'wait-healthy'},
      ];
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
