// reports/page/chart-elements.ts: the elements of the picture, made once, and the names beside the lanes.
import {counted} from '../format.ts';
import type {ClientLayout, TopLayout} from '../layout.ts';
import type {RunHead} from '../view-types.ts';
import {h, svgElement} from './dom.ts';

/** Width of the column of names. */
export const GUTTER = 104;

export interface ChartElements {
  readonly element: HTMLElement;
  readonly top: SVGSVGElement;
  /** What moves with time, above. */
  readonly topPlot: SVGSVGElement;
  readonly scroller: HTMLElement;
  readonly inner: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  /** Over the canvas, as high as all rows. */
  readonly overlay: SVGSVGElement;
  readonly names: HTMLElement;
}

export function chartElements(head: RunHead, layout: TopLayout): ChartElements {
  const top = svgElement('svg', {
    class: 'top-plot',
    height: layout.height,
    role: 'group',
    'aria-label': 'Timeline of members and faults',
  });
  const defs = svgElement('defs');
  const pattern = svgElement('pattern', {
    id: 'hatch',
    width: 6,
    height: 6,
    patternUnits: 'userSpaceOnUse',
    patternTransform: 'rotate(45)',
  });
  pattern.append(svgElement('line', {x1: 0, x2: 0, y1: 0, y2: 6, class: 'hatch-line'}));
  defs.append(pattern);
  const names = svgElement('g', {class: 'names'});
  const name = (text: string, y: number, className = '') => {
    const element = svgElement('text', {x: GUTTER - 10, y, class: className});
    element.textContent = text.length > 14 ? `${text.slice(0, 13)}…` : text;
    names.append(element);
  };
  name('virtual time', 13, 'quiet');
  if (head.phases.length > 0) name('phase', layout.phases.y + 13, 'quiet');
  if (head.faultRowCount > 0) name('faults', layout.faults.y + 12, 'quiet');
  for (const [position, member] of head.members.entries()) {
    const {y, height} = layout.member(position);
    const hasRelease = member.release !== undefined && head.releases.length > 1;
    name(member.name, y + height / 2 + (hasRelease ? -1 : 4), 'strong');
    if (hasRelease) name(member.release ?? '', y + height / 2 + 10, 'quiet small');
  }
  const topPlot = svgElement('svg', {x: GUTTER, height: layout.height, class: 'plot'});
  top.append(defs, names, topPlot);

  const canvas = h('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-label': `${counted(head.clients.length, 'client')}; with the keys j and k through operations, n and p through findings`,
  });
  const overlay = svgElement('svg', {class: 'overlay'});
  const laneNames = h('div', {class: 'lane-names'});
  const inner = h('div', {class: 'clients-inner'}, canvas, laneNames);
  inner.append(overlay);
  const scroller = h('div', {class: 'clients', style: `--top: ${layout.height}px`}, inner);
  const element = h('div', {class: 'chart'}, scroller);
  element.prepend(top);
  return {element, top, topPlot, scroller, inner, canvas, overlay, names: laneNames};
}

/** Names of the clients in sight, after a filter has changed their places. */
export function nameLanes({inner, names, overlay}: ChartElements, {clients}: RunHead, layout: ClientLayout): void {
  inner.style.height = `${layout.height}px`;
  overlay.setAttribute('height', String(layout.height));
  const shown = clients.flatMap(({client, firstRow, rowCount}) => {
    const {y} = layout.row(firstRow);
    if (y < 0) return [];
    const height = rowCount * layout.rowHeight;
    const style = `top:${y - (layout.rowHeight - layout.barHeight) / 2}px;height:${height}px;line-height:${layout.rowHeight}px`;
    return [h('div', {style}, layout.rowHeight < 14 ? String(client) : `client ${client}`)];
  });
  names.replaceChildren(...shown);
  names.classList.toggle('dense', layout.rowHeight < 14);
}
