// reports/page/overview.ts: the whole run in a strip, with a brush that is the stretch in sight.
import {brushX, type D3BrushEvent, scaleLinear, select} from 'd3';
import {overviewMark} from '../marks/overview.ts';
import type {Band, OperationColumns, RunHead} from '../view-types.ts';
import {GUTTER} from './chart-elements.ts';
import {drawMarks, svgElement} from './dom.ts';

const HEIGHT = 44;

export class Overview {
  readonly element: SVGSVGElement;
  private readonly head: RunHead;
  private readonly columns: OperationColumns;
  private readonly marks = svgElement('g');
  private readonly brushed = svgElement('g', {class: 'brush'});
  private readonly brush = brushX<unknown>();
  private width = 0;
  private band: Band;

  /** `show` moves the picture; `endGap` is what the client lanes lose to their scroll bar. */
  constructor(head: RunHead, columns: OperationColumns, show: (band: Band) => void) {
    this.head = head;
    this.columns = columns;
    this.band = {fromUs: 0, toUs: head.endUs};
    this.element = svgElement('svg', {
      class: 'overview',
      height: HEIGHT,
      role: 'img',
      'aria-label': 'Operations over the whole run; drag to choose a stretch',
    });
    const plot = svgElement('g', {transform: `translate(${GUTTER},0)`});
    const name = svgElement('text', {x: GUTTER - 10, y: 16, class: 'quiet'});
    name.textContent = 'whole run';
    plot.append(this.marks, this.brushed);
    this.element.append(name, plot);
    this.brush.on('brush end', (event: D3BrushEvent<unknown>) => {
      if (event.sourceEvent === null || event.sourceEvent === undefined) return;
      const selection = event.selection as [number, number] | null;
      if (selection === null) {
        if (event.type === 'end') show({fromUs: 0, toUs: head.endUs});
        return;
      }
      const us = (x: number) => (x / this.width) * head.endUs;
      if (selection[1] - selection[0] > 1) show({fromUs: us(selection[0]), toUs: us(selection[1])});
    });
  }

  /** Follows the picture. */
  follow(band: Band): void {
    this.band = band;
    const width = Math.max(120, this.element.clientWidth - GUTTER);
    if (width !== this.width) this.resize(width);
    const x = (us: number) => (Math.min(this.head.endUs, Math.max(0, us)) / this.head.endUs) * width;
    select<SVGGElement, unknown>(this.brushed).call(this.brush.move, [x(this.band.fromUs), x(this.band.toUs)]);
  }

  private resize(width: number): void {
    this.width = width;
    const scale = scaleLinear([0, this.head.endUs], [0, width]);
    const scales = {x: (us: number) => scale(us), fromUs: 0, toUs: this.head.endUs, width};
    drawMarks(this.marks, [overviewMark(this.columns, this.head, scales, HEIGHT - 4)]);
    this.brush.extent([
      [0, 0],
      [width, HEIGHT - 2],
    ]);
    select<SVGGElement, unknown>(this.brushed).call(this.brush);
  }
}
