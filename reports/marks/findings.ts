// reports/marks/findings.ts: where findings show: a flag on the axis and a hairline down the picture.
import {exactSeconds} from '../format.ts';
import type {Scales} from '../layout.ts';
import {group, px, type SvgNode, shape} from '../svg.ts';
import type {FindingView} from '../view-types.ts';

const FLAG_Y = 15;

/** One flag a finding with a time; the active one is strong. */
export function findingMark(
  findings: readonly FindingView[],
  active: number | undefined,
  scales: Scales,
  height: number,
): SvgNode {
  const nodes: SvgNode[] = [];
  let drawnX = Number.NEGATIVE_INFINITY;
  for (const [index, {atUs, check, kind, message}] of findings.entries()) {
    if (atUs === undefined || atUs < scales.fromUs || atUs > scales.toUs) continue;
    const x = px(scales.x(atUs));
    if (index !== active && Math.abs(x - drawnX) < 1) continue;
    drawnX = x;
    nodes.push(
      group(
        `flag ${kind}${index === active ? ' active' : ''}`,
        [
          shape('line', {x1: x, x2: x, y1: FLAG_Y + 12, y2: height}),
          shape('path', {d: 'M-5,2L5,2L5,9L0,14L-5,9Z', transform: `translate(${x},${FLAG_Y})`}),
        ],
        {title: `${check}, ${exactSeconds(atUs)}: ${message}`, ref: `finding:${index}`},
      ),
    );
  }
  return group('flags', nodes);
}
