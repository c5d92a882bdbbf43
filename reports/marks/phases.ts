// reports/marks/phases.ts: the phases of a run (safety, heal, liveness) as a strip under the axis.
import {exactSeconds} from '../format.ts';
import type {Scales, TopLayout} from '../layout.ts';
import {group, label, px, type SvgNode, shape, textWidth} from '../svg.ts';
import type {PhaseBand} from '../view-types.ts';

const TOLD = {
  safety: 'safety: faults and traffic',
  heal: 'heal: faults end, members come back',
  liveness: 'liveness: no faults; progress is demanded',
} as const;

/** One band a phase, named where the name fits, and a hairline where it begins. */
export function phaseMark(phases: readonly PhaseBand[], scales: Scales, {phases: strip}: TopLayout): SvgNode {
  const nodes = phases
    .filter(({fromUs, toUs}) => toUs >= scales.fromUs && fromUs <= scales.toUs)
    .map(({phase, fromUs, toUs}) => {
      const from = px(Math.max(0, scales.x(fromUs)));
      const to = px(Math.min(scales.width, scales.x(toUs)));
      const width = px(Math.max(0, to - from));
      const text = [TOLD[phase], phase].find((one) => textWidth(one, 11) <= width - 10) ?? '';
      const told = {title: `${TOLD[phase]}, ${exactSeconds(fromUs)} to ${exactSeconds(toUs)}`};
      return group(
        `phase ${phase}`,
        [
          shape('rect', {x: from, y: strip.y, width, height: strip.height}),
          shape('line', {x1: from, x2: from, y1: strip.y, y2: strip.y + strip.height}),
          label(text, {x: from + 6, y: strip.y + 13}),
        ],
        told,
      );
    });
  return group('phases', nodes);
}
