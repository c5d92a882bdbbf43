// reports/page/legend.ts: what colours, forms and symbols mean; always in sight under the picture.
import {KINDS} from '../describe.ts';
import {EVENT_PATHS} from '../marks/events.ts';
import type {LaneRole} from '../view-types.ts';
import {h, svgElement} from './dom.ts';
import {kindVariable} from './theme.ts';

const ROLE_NAMES: readonly LaneRole[] = [
  'leader',
  'candidate',
  'pre-candidate',
  'follower',
  'learner',
  'starting',
  'down',
];
const EVENT_NAMES = {
  start: 'start',
  kill: 'kill',
  'power-off': 'power cut',
  panic: 'panic',
  stop: 'orderly stop',
  note: 'note',
} as const;

export function legend(): HTMLElement {
  return h(
    'section',
    {class: 'legend', 'aria-label': 'Legend'},
    row(
      'Operations',
      KINDS.map((kind) => item(barSwatch(kindVariable(kind), 'ok'), kind)),
    ),
    row('Outcome', [
      item(barSwatch('var(--put)', 'ok'), 'ok'),
      item(barSwatch('var(--put)', 'error'), 'error without effect'),
      item(barSwatch('var(--put)', 'unknown'), 'effect unknown'),
      item(barSwatch('var(--put)', 'open'), 'open at the end'),
      item(barSwatch('var(--put)', 'offending'), 'shows a finding'),
      item(stepSwatch(), 'place in the order found'),
    ]),
    row('Members', [
      ...ROLE_NAMES.map((role) => item(roleSwatch(role), role)),
      ...Object.entries(EVENT_NAMES).map(([kind, name]) => item(eventSwatch(kind as keyof typeof EVENT_NAMES), name)),
    ]),
    row(
      'Faults',
      (['network', 'process', 'disk', 'clock'] as const).map((family) => item(faultSwatch(family), family)),
    ),
  );
}

function row(name: string, items: readonly Node[]): HTMLElement {
  return h('div', {class: 'legend-row'}, h('b', {}, name), ...items);
}

function item(swatch: Node, name: string): HTMLElement {
  return h('span', {class: 'legend-item'}, swatch, name);
}

function swatch(width: number): SVGSVGElement {
  return svgElement('svg', {width, height: 14, 'aria-hidden': 'true'});
}

function barSwatch(colour: string, form: 'ok' | 'error' | 'unknown' | 'open' | 'offending'): SVGSVGElement {
  const svg = swatch(26);
  const solid = form === 'ok' || form === 'offending';
  svg.append(
    svgElement('rect', {x: 2, y: 2, width: 22, height: 10, style: `fill:${colour};fill-opacity:${solid ? 1 : 0.28}`}),
  );
  if (!solid)
    svg.append(svgElement('rect', {x: 2.5, y: 2.5, width: 21, height: 9, style: `fill:none;stroke:${colour}`}));
  if (form === 'unknown' || form === 'open') {
    svg.append(
      svgElement('path', {
        d: 'M2,12L12,2M7,12L17,2M12,12L22,2M17,12L24,5',
        style: `stroke:${colour};stroke-opacity:.6`,
      }),
    );
  }
  if (form === 'error' || form === 'unknown') {
    svg.append(svgElement('rect', {x: 21, y: 2, width: 3, height: 10, style: `fill:var(--cap-${form})`}));
  }
  if (form === 'offending')
    svg.append(
      svgElement('rect', {x: 1, y: 1, width: 24, height: 12, style: 'fill:none;stroke:var(--bad);stroke-width:2'}),
    );
  return svg;
}

function stepSwatch(): SVGSVGElement {
  const svg = swatch(26);
  const step = svgElement('g', {class: 'order-step'});
  step.append(svgElement('circle', {cx: 13, cy: 7, r: 6}));
  const text = svgElement('text', {x: 13, y: 10.2});
  text.textContent = '7';
  step.append(text);
  svg.append(svgElement('line', {x1: 0, x2: 26, y1: 7, y2: 7, class: 'order-line'}), step);
  return svg;
}

function roleSwatch(role: LaneRole): SVGSVGElement {
  const svg = swatch(22);
  const group = svgElement('g', {class: `role ${role}`});
  group.append(svgElement('rect', {x: 1, y: 1, width: 20, height: 12}));
  svg.append(group);
  return svg;
}

function eventSwatch(kind: keyof typeof EVENT_NAMES): SVGSVGElement {
  const svg = swatch(16);
  svg.append(svgElement('path', {d: EVENT_PATHS[kind], transform: 'translate(8,7)', class: `event ${kind}`}));
  return svg;
}

function faultSwatch(family: string): SVGSVGElement {
  const svg = swatch(22);
  const group = svgElement('g', {class: `fault ${family}`});
  group.append(svgElement('rect', {x: 1, y: 1, width: 20, height: 12, rx: 2}));
  svg.append(group);
  return svg;
}
