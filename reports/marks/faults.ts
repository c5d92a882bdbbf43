// reports/marks/faults.ts: faults as named bands in rows, and as thin strips on the lanes of the members they hit.
import type {Scales, TopLayout} from '../layout.ts';
import {fitText, group, label, px, type SvgNode, shape, textWidth} from '../svg.ts';
import {describeFault} from '../timeline-view.ts';
import type {FaultBand} from '../view-types.ts';

const EM = 11;
/** A fault without duration is still to be seen and hit. */
const WIDTH_MIN = 3;

/** One band a fault; its name stands in it, or behind it where the row is free. */
export function faultMark(faults: readonly FaultBand[], scales: Scales, layout: TopLayout): SvgNode {
  const nextFrom = nextInRow(faults);
  const nodes: SvgNode[] = [];
  for (const [index, fault] of faults.entries()) {
    const from = px(Math.max(-2, scales.x(fault.fromUs)));
    const to = px(Math.min(scales.width + 2, scales.x(fault.toUs)));
    const nextUs = nextFrom[index];
    const free = nextUs === undefined ? scales.width : Math.min(scales.width, scales.x(nextUs));
    if (to < 0 || from > scales.width) continue;
    const strip = layout.faultRow(fault.row);
    const width = Math.max(WIDTH_MIN, to - from);
    const name = `${fault.fault} ${fault.names.join(', ')}`.trim();
    const full = fault.detail === '' ? name : `${name}: ${fault.detail}`;
    const inside = textWidth(name, EM) <= width - 8;
    const behind = fitText(name, free - from - width - 8, EM);
    const detailed = textWidth(full, EM) <= width - 8 ? full : name;
    const text = inside ? detailed : behind === name ? behind : fitText(name, width - 8, EM);
    const x = !inside && behind === name ? from + width + 4 : Math.max(0, from) + 5;
    nodes.push(
      group(
        `fault ${fault.family}`,
        [
          shape('rect', {x: from, y: strip.y, width: px(width), height: strip.height, rx: 2}),
          label(text, {x: px(x), y: strip.y + 11.5, class: inside || behind !== name ? 'inside' : 'behind'}),
        ],
        {title: describeFault(fault), ref: `fault:${index}`},
      ),
    );
  }
  return group('faults', nodes);
}

/** For each fault when the next one of its row begins. */
function nextInRow(faults: readonly FaultBand[]): readonly (number | undefined)[] {
  const last = new Map<number, number>();
  const next: (number | undefined)[] = new Array<number | undefined>(faults.length).fill(undefined);
  for (let index = faults.length - 1; index >= 0; index--) {
    const fault = faults[index];
    if (fault === undefined) continue;
    next[index] = last.get(fault.row);
    last.set(fault.row, fault.fromUs);
  }
  return next;
}

/** Under each member's band a strip for every fault that hits it. */
export function faultStripMark(faults: readonly FaultBand[], scales: Scales, layout: TopLayout): SvgNode {
  const nodes: SvgNode[] = [];
  for (const [index, fault] of faults.entries()) {
    const from = px(Math.max(-2, scales.x(fault.fromUs)));
    const to = px(Math.min(scales.width + 2, scales.x(fault.toUs)));
    if (to < 0 || from > scales.width) continue;
    for (const member of fault.members) {
      const strip = layout.member(member);
      nodes.push(
        shape(
          'rect',
          {
            x: from,
            y: strip.y + strip.height,
            width: px(Math.max(WIDTH_MIN, to - from)),
            height: 3,
            class: `fault-strip ${fault.family}`,
          },
          {title: describeFault(fault), ref: `fault:${index}`},
        ),
      );
    }
  }
  return group('fault-strips', nodes);
}
