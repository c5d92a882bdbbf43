// reports/page/hover.ts: which operation is under the pointer, a tooltip that tells it, and clicks that choose it.
import {duration, exactSeconds} from '../format.ts';
import type {ClientLayout, Scales} from '../layout.ts';
import {endOf, firstEndingAfter} from '../marks/operations.ts';
import type {Chart} from './chart.ts';
import {h} from './dom.ts';
import {operationFacts} from './operation-facts.ts';
import type {RunPage} from './run-page.ts';

/** How far beside a bar the pointer may be, in pixels. */
const REACH = 4;

/** The operation at a place of the picture, found by binary search in its row. */
export function operationAt(
  {head, operations: {columns}, rows}: RunPage,
  {scales, layout}: {readonly scales: Scales; readonly layout: ClientLayout},
  matches: Uint8Array,
  {x, y}: {readonly x: number; readonly y: number},
): number | undefined {
  const row = layout.rowAt(y);
  if (row < 0) return undefined;
  const usPerPixel = (scales.toUs - scales.fromUs) / scales.width;
  const us = scales.fromUs + x * usPerPixel;
  const reachUs = REACH * usPerPixel;
  let best: number | undefined;
  let bestUs = Number.POSITIVE_INFINITY;
  const stop = rows.starts[row + 1] as number;
  for (let at = firstEndingAfter(columns, rows, row, us - reachUs); at < stop; at++) {
    const operation = rows.order[at] as number;
    const callUs = columns.callUs[operation] as number;
    if (callUs > us + reachUs) break;
    if (matches[operation] !== 1) continue;
    const awayUs = Math.max(0, callUs - us, us - endOf(columns, operation, head.endUs));
    if (awayUs < bestUs) {
      best = operation;
      bestUs = awayUs;
    }
  }
  return best;
}

/** Listens on the canvas (operations) and on the whole picture (marks with a tip). */
export function hoverOperations(chart: Chart, page: RunPage, canvas: HTMLCanvasElement): void {
  const tip = h('div', {class: 'tip card', role: 'tooltip', hidden: true});
  chart.element.append(tip);
  const under = (event: MouseEvent): number | undefined => {
    const {frame, matches, scrollTop} = chart;
    if (frame === undefined) return undefined;
    const box = canvas.getBoundingClientRect();
    return operationAt(page, frame, matches, {x: event.clientX - box.left, y: event.clientY - box.top + scrollTop});
  };
  const place = (event: MouseEvent) => {
    tip.hidden = false;
    tip.style.left = '0';
    const {width, height} = tip.getBoundingClientRect();
    const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 14 : event.clientX + 14;
    const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  };
  const hide = () => {
    tip.hidden = true;
    chart.hover(undefined);
  };
  chart.element.addEventListener('pointermove', (event) => {
    if (event.buttons !== 0) return hide();
    const marked = (event.target as Element).closest<SVGElement>('[data-tip]');
    const ref = marked?.dataset['ref'] ?? '';
    const operation = ref.startsWith('operation:')
      ? Number(ref.slice(10))
      : event.target === canvas
        ? under(event)
        : undefined;
    chart.hover(operation);
    canvas.style.cursor = operation === undefined ? '' : 'pointer';
    if (operation !== undefined) tip.replaceChildren(...tipOf(page, operation, marked?.dataset['tip']));
    else if (marked !== null) tip.replaceChildren(marked.dataset['tip'] ?? '');
    else return hide();
    place(event);
  });
  chart.element.addEventListener('pointerleave', hide);
  canvas.addEventListener('click', (event) => {
    const operation = under(event);
    page.store.change({selection: operation === undefined ? {kind: 'none'} : {kind: 'operation', operation}});
  });
}

function tipOf(page: RunPage, operation: number, note: string | undefined): Node[] {
  const facts = operationFacts(page, operation);
  const from = [
    `client ${facts.client}`,
    facts.member && `answered by ${facts.member}`,
    facts.revision && `revision ${facts.revision}`,
  ];
  return [
    ...(note === undefined ? [] : [h('div', {class: 'note'}, note)]),
    h('div', {class: 'mono request'}, facts.request),
    h('div', {class: `mono outcome ${facts.outcomeKind}`}, `→ ${facts.outcome}`),
    h('div', {class: 'muted'}, [`#${facts.id}`, ...from].filter(Boolean).join(' · ')),
    h(
      'div',
      {class: 'muted'},
      `${exactSeconds(facts.callUs)}${facts.returnUs < 0 ? ', never returned' : `, took ${duration(facts.returnUs - facts.callUs)}`}`,
    ),
  ];
}
