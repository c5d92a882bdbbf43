// reports/page/chart.ts: the picture: what stays in sight above (axis, phases, faults, members), the clients below, and one scale of
// time for both, moved by d3's zoom. Bars are on a canvas that only holds what is in sight; everything else is SVG.
import {
  type D3ZoomEvent,
  type ScaleLinear,
  scaleLinear,
  select,
  type ZoomTransform,
  zoom,
  zoomIdentity,
  zoomTransform,
} from 'd3';
import {matchingOperations} from '../filter.ts';
import {type ClientLayout, clientLayout, type Scales, topLayout} from '../layout.ts';
import {eventMark} from '../marks/events.ts';
import {faultMark, faultStripMark} from '../marks/faults.ts';
import {findingMark} from '../marks/findings.ts';
import {memberMark} from '../marks/members.ts';
import {type BarList, endOf, operationMark} from '../marks/operations.ts';
import {orderMark} from '../marks/order.ts';
import {phaseMark} from '../marks/phases.ts';
import type {Band} from '../view-types.ts';
import {axisMark} from './axis.ts';
import {drawBars} from './bars.ts';
import {type ChartElements, chartElements, GUTTER, nameLanes} from './chart-elements.ts';
import {drawMarks} from './dom.ts';
import {hoverOperations} from './hover.ts';
import type {Camera, RunPage} from './run-page.ts';
import {onThemeChange, readTheme} from './theme.ts';

/** The smallest stretch of time that fills the picture. */
const SPAN_US_MIN = 20;
const TRANSITION_MS = 280;

/** What the hover needs to know of the last frame. */
export interface Frame {
  readonly scales: Scales;
  readonly layout: ClientLayout;
  readonly bars: BarList;
}

export class Chart implements Camera {
  readonly element: HTMLElement;
  frame: Frame | undefined;
  hovered: number | undefined;
  matches: Uint8Array;
  private readonly page: RunPage;
  private readonly parts: ChartElements;
  private readonly top: ReturnType<typeof topLayout>;
  private readonly onMove: (band: Band) => void;
  private readonly behaviour = zoom<HTMLElement, unknown>();
  private layout: ClientLayout;
  private theme = readTheme();
  private base: ScaleLinear<number, number>;
  private width = 600;
  private isDrawing = false;

  /** `onMove` is told the stretch in sight. */
  constructor(page: Omit<RunPage, 'camera' | 'isShown'>, onMove: (band: Band) => void) {
    this.page = {...page, camera: this, isShown: (operation) => this.matches[operation] === 1};
    this.onMove = onMove;
    this.top = topLayout(page.head);
    this.layout = clientLayout(page.head.rowCount, () => false);
    this.matches = matchingOperations(page.operations.columns, page.head, {});
    this.base = scaleLinear([0, page.head.endUs], [GUTTER, GUTTER + this.width]);
    this.parts = chartElements(page.head, this.top);
    this.element = this.parts.element;
    this.listen();
  }

  /** Call once the element is in the page. */
  start(): void {
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.relayout();
    this.resize();
  }

  show({fromUs, toUs}: Band): void {
    const span = Math.max(SPAN_US_MIN, toUs - fromUs);
    const middle = (fromUs + toUs) / 2;
    const k = Math.max(1, this.page.head.endUs / span);
    const tx = GUTTER + this.width / 2 - k * this.base(middle);
    this.transform(zoomIdentity.translate(tx, 0).scale(k), true);
  }

  showAtOnce({fromUs, toUs}: Band): void {
    const k = Math.max(1, this.page.head.endUs / Math.max(SPAN_US_MIN, toUs - fromUs));
    this.transform(zoomIdentity.translate(GUTTER - k * this.base(fromUs), 0).scale(k), false);
  }

  reveal(operation: number): void {
    const {columns} = this.page.operations;
    const {row: rowOf, rowHeight} = this.layout;
    const {y} = rowOf(columns.row[operation] as number);
    const {scroller} = this.parts;
    this.element.scrollIntoView({block: 'nearest'});
    if (y < scroller.scrollTop + 4 || y > scroller.scrollTop + scroller.clientHeight - rowHeight - 4) {
      scroller.scrollTop = Math.max(0, y - scroller.clientHeight / 2);
    }
    const callUs = columns.callUs[operation] as number;
    const endUs = Math.min(endOf(columns, operation, this.page.head.endUs), callUs + SPAN_US_MIN);
    const {fromUs, toUs} = this.scales(this.target ?? zoomTransform(this.element));
    if (callUs >= fromUs && endUs <= toUs) return;
    const half = (toUs - fromUs) / 2;
    this.show({fromUs: callUs - half, toUs: callUs + half});
  }

  zoom(factor: number): void {
    select(this.element)
      .transition()
      .duration(TRANSITION_MS / 2)
      .call(this.behaviour.scaleBy, factor);
  }

  pan(share: number): void {
    const {k} = zoomTransform(this.element);
    select(this.element).call(this.behaviour.translateBy, (-share * this.width) / k, 0);
  }

  fit(): void {
    this.transform(zoomIdentity, true);
  }

  /** Where a transition is heading, so that two moves in a row agree. */
  private target: ZoomTransform | undefined;

  private transform(transform: ZoomTransform, isSmooth: boolean): void {
    const smooth = isSmooth && !matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (!smooth) {
      select(this.element).call(this.behaviour.transform, transform);
      return;
    }
    this.target = transform;
    select(this.element)
      .transition()
      .duration(TRANSITION_MS)
      .call(this.behaviour.transform, transform)
      .on('end interrupt', () => {
        this.target = undefined;
      });
  }

  private listen(): void {
    const {scroller, top, canvas} = this.parts;
    this.behaviour
      .filter((event: WheelEvent | MouseEvent) => {
        if (event.target === scroller) return false; // its scroll bar
        if (event.type !== 'wheel') return event.button === 0 && !event.ctrlKey;
        const onAxis = top.contains(event.target as Node) && event.offsetY <= this.top.phases.y;
        return event.ctrlKey || event.metaKey || onAxis;
      })
      .on('zoom', (_event: D3ZoomEvent<HTMLElement, unknown>) => this.schedule());
    select(this.element).call(this.behaviour);
    this.element.addEventListener(
      'wheel',
      (event) => {
        const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
        if (!isSideways || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const {k} = zoomTransform(this.element);
        select(this.element).call(this.behaviour.translateBy, -(event.deltaX || event.deltaY) / k, 0);
      },
      {passive: false},
    );
    scroller.addEventListener('scroll', () => this.schedule(), {passive: true});
    this.element.addEventListener('click', (event) => this.choose(event));
    hoverOperations(this, this.page, canvas);
    onThemeChange(() => {
      this.theme = readTheme();
      this.schedule();
    });
    this.page.store.listen((choice, before) => {
      if (choice.filter !== before.filter) {
        this.matches = matchingOperations(this.page.operations.columns, this.page.head, choice.filter);
        this.relayout();
      }
      this.schedule();
    });
  }

  /** A click on a mark with a ref chooses what it stands for. */
  private choose(event: MouseEvent): void {
    const ref = (event.target as Element).closest<SVGElement>('[data-ref]')?.dataset['ref'];
    if (ref === undefined) return;
    const [kind, first, second] = ref.split(':');
    const {store} = this.page;
    if (kind === 'finding') store.change({finding: Number(first), order: 0});
    if (kind === 'fault') store.change({selection: {kind: 'fault', fault: Number(first)}});
    if (kind === 'event') store.change({selection: {kind: 'event', member: Number(first), event: Number(second)}});
    if (kind === 'operation') store.change({selection: {kind: 'operation', operation: Number(first)}});
  }

  private relayout(): void {
    const {head, store} = this.page;
    const {client: wanted} = store.choice.filter;
    const hidden = new Set<number>();
    for (const {client, firstRow, rowCount} of head.clients) {
      if (wanted === undefined || client === wanted) continue;
      for (let row = firstRow; row < firstRow + rowCount; row++) hidden.add(row);
    }
    this.layout = clientLayout(head.rowCount, (row) => hidden.has(row));
    nameLanes(this.parts, head, this.layout);
  }

  private resize(): void {
    const {scroller, canvas} = this.parts;
    const width = Math.max(120, scroller.clientWidth - GUTTER);
    const height = Math.max(1, scroller.clientHeight);
    const ratio = devicePixelRatio;
    const {fromUs, toUs} = this.scales(zoomTransform(this.element));
    const isNew = width !== this.width;
    this.width = width;
    this.base = scaleLinear([0, this.page.head.endUs], [GUTTER, GUTTER + width]);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    this.behaviour
      .extent([
        [GUTTER, 0],
        [GUTTER + width, 1],
      ])
      .translateExtent([
        [GUTTER, Number.NEGATIVE_INFINITY],
        [GUTTER + width, Number.POSITIVE_INFINITY],
      ])
      .scaleExtent([1, Math.max(1, this.page.head.endUs / SPAN_US_MIN)]);
    if (isNew) this.showAtOnce({fromUs, toUs});
    this.schedule();
  }

  private scales(transform: ZoomTransform): Scales {
    const scale = transform.rescaleX(this.base);
    const [fromUs = 0, toUs = 1] = scale.domain();
    const {width} = this;
    const k = width / (toUs - fromUs);
    return {x: (us) => (us - fromUs) * k, fromUs, toUs, width};
  }

  private schedule(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.draw();
    });
  }

  /** One frame. */
  draw(): void {
    const {head, operations, store} = this.page;
    const {parts, top, layout} = this;
    const scales = this.scales(zoomTransform(this.element));
    const {finding: active, order} = store.choice;
    drawMarks(parts.topPlot, [
      axisMark(scales, top.height),
      phaseMark(head.phases, scales, top),
      faultMark(head.faults, scales, top),
      memberMark(head.members, scales, top),
      faultStripMark(head.faults, scales, top),
      eventMark(head.members, scales, top),
      findingMark(head.findings, active, scales, top.height),
    ]);
    const finding = active === undefined ? undefined : head.findings[active];
    const chosen = finding?.orders[order];
    drawMarks(
      parts.overlay,
      finding === undefined || chosen === undefined
        ? []
        : [orderMark(finding, chosen, operations.columns, {scales, layout}, this.page.isShown)],
    );
    const bars = this.drawCanvas(scales);
    this.frame = {scales, layout, bars};
    this.onMove({fromUs: scales.fromUs, toUs: scales.toUs});
  }

  private drawCanvas(scales: Scales): BarList {
    const {head, operations, rows, store} = this.page;
    const {scroller, canvas} = this.parts;
    const {scrollTop} = scroller;
    const bars = operationMark(
      operations.columns,
      rows,
      {scales, layout: this.layout},
      {
        endUs: head.endUs,
        rows: this.rowsInSight(),
        isShown: this.page.isShown,
      },
    );
    const context = canvas.getContext('2d');
    if (context === null) return bars;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, scales.width, canvas.height);
    const {selection, finding} = store.choice;
    drawBars(context, {
      bars,
      barHeight: this.layout.barHeight,
      scrollTop,
      theme: this.theme,
      offending: new Set(
        finding === undefined
          ? head.findings.flatMap((one) => one.operations.slice(0, 1))
          : head.findings[finding]?.operations,
      ),
      selected: selection.kind === 'operation' ? selection.operation : undefined,
      hovered: this.hovered,
      textOf: (operation) => operations.textOf(operation).request,
    });
    return bars;
  }

  private rowsInSight(): number[] {
    const {scrollTop, clientHeight} = this.parts.scroller;
    const rows: number[] = [];
    for (let y = scrollTop; y < scrollTop + clientHeight + this.layout.rowHeight; y += this.layout.rowHeight) {
      const row = this.layout.rowAt(y);
      if (row >= 0) rows.push(row);
    }
    return rows;
  }

  /** Draws again soon: what is hovered has changed. */
  hover(operation: number | undefined): void {
    if (operation === this.hovered) return;
    this.hovered = operation;
    this.schedule();
  }

  get scrollTop(): number {
    return this.parts.scroller.scrollTop;
  }
}
