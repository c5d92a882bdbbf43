// reports/page/axis.ts: the axis of virtual time in seconds, by d3's ticks; as fine as the picture is zoomed.
import {scaleLinear} from 'd3';
import type {Scales} from '../layout.ts';
import {group, label, px, type SvgNode, shape} from '../svg.ts';

const TICK_WIDTH = 90;

/** Hairlines down the picture and seconds above them. */
export function axisMark(scales: Scales, height: number): SvgNode {
  const scale = scaleLinear([scales.fromUs / 1e6, scales.toUs / 1e6], [0, scales.width]);
  const ticks = scale.ticks(Math.max(2, Math.floor(scales.width / TICK_WIDTH)));
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const nodes = ticks.map((seconds) => {
    const x = px(scale(seconds));
    const anchor = x < 24 ? 'start' : x > scales.width - 24 ? 'end' : 'middle';
    return group('tick', [
      shape('line', {x1: x, x2: x, y1: 18, y2: height}),
      label(`${seconds.toFixed(decimals)} s`, {x, y: 13, 'text-anchor': anchor}),
    ]);
  });
  return group('axis', nodes);
}
