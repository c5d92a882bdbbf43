// reports/marks/events.ts: moments in the life of a member as symbols: starts, kills, power cuts, panics, notes.
// Each has a shape of its own, so that colour is not needed to tell them apart.
import {exactSeconds} from '../format.ts';
import type {Scales, TopLayout} from '../layout.ts';
import {group, px, type SvgNode, shape} from '../svg.ts';
import type {MemberEvent, MemberLane} from '../view-types.ts';

/** Outlines around (0, 0), about 11 pixels large; the legend draws the same. */
export const EVENT_PATHS: Readonly<Record<MemberEvent['kind'], string>> = {
  start: 'M-4,-5.5L5.5,0L-4,5.5Z',
  kill: 'M-5,-3.5L-3.5,-5L0,-1.5L3.5,-5L5,-3.5L1.5,0L5,3.5L3.5,5L0,1.5L-3.5,5L-5,3.5L-1.5,0Z',
  'power-off': 'M1.5,-6.5L-4.5,1L-0.8,1L-1.8,6.5L4.5,-1.5L0.8,-1.5Z',
  panic: 'M0,-6.5L6.5,5L-6.5,5ZM-0.8,-2.5L-0.8,1.5L0.8,1.5L0.8,-2.5ZM-0.8,2.5L-0.8,4L0.8,4L0.8,2.5Z',
  stop: 'M-4.5,-4.5L4.5,-4.5L4.5,4.5L-4.5,4.5Z',
  note: 'M0,-3L3,0L0,3L-3,0Z',
};

/** Notes closer together than this are drawn as one. */
const NOTE_GAP = 4;

/** The symbols of all members. */
export function eventMark(members: readonly MemberLane[], scales: Scales, layout: TopLayout): SvgNode {
  const nodes: SvgNode[] = [];
  for (const [position, {name, events}] of members.entries()) {
    const strip = layout.member(position);
    let noteX = Number.NEGATIVE_INFINITY;
    for (const [index, {kind, atUs, text}] of events.entries()) {
      if (atUs < scales.fromUs || atUs > scales.toUs) continue;
      const x = px(scales.x(atUs));
      if (kind === 'note') {
        if (x - noteX < NOTE_GAP) continue;
        noteX = x;
      }
      const y = kind === 'note' ? strip.y + strip.height - 4 : strip.y + strip.height / 2;
      nodes.push(
        shape(
          'path',
          {d: EVENT_PATHS[kind], transform: `translate(${x},${y})`, class: `event ${kind}`},
          {title: `${name} ${text}, ${exactSeconds(atUs)}`, ref: `event:${position}:${index}`},
        ),
      );
    }
  }
  return group('events', nodes);
}
