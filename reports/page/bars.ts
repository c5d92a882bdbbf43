// reports/page/bars.ts: fills a canvas with the bars of the operation mark.
// Kind is the colour; outcome is the form as well: ok is solid; an error is pale with a cap at its end; an unknown effect is
// striped with a cap; an open one is striped and has no end. Operations of a finding are framed in red.
import {textMiddle} from '../layout.ts';
import {type BarList, GHOST} from '../marks/operations.ts';
import type {Theme} from './theme.ts';

const [OK, ERROR, , OPEN] = [0, 1, 2, 3];
const CAP_WIDTH = 3;
/** Narrower bars show their outcome only by colour. */
const FORM_WIDTH_MIN = 5;
const TEXT_WIDTH_MIN = 34;
const STRIPE_GAP = 5;

export interface BarsToDraw {
  readonly bars: BarList;
  readonly barHeight: number;
  /** How far the rows are scrolled. */
  readonly scrollTop: number;
  readonly theme: Theme;
  /** Operations to frame. */
  readonly offending: ReadonlySet<number>;
  readonly selected: number | undefined;
  readonly hovered: number | undefined;
  readonly textOf: (operation: number) => string;
}

/** Draws the bars; the context's unit is a CSS pixel and it is already clear. */
export function drawBars(context: CanvasRenderingContext2D, given: BarsToDraw): void {
  const {bars, barHeight, scrollTop, theme} = given;
  for (let i = 0; i < bars.count; i++) {
    const style = bars.style[i] as number;
    const x = bars.x[i] as number;
    const y = (bars.y[i] as number) - scrollTop;
    const width = bars.width[i] as number;
    if (style === GHOST) {
      context.fillStyle = theme.ghost;
      context.fillRect(x, y, width, barHeight);
      continue;
    }
    drawBar(context, {x, y, width, height: barHeight, kind: style >> 2, outcome: style & 3, theme});
  }
  if (barHeight >= 13) drawTexts(context, given);
  drawFrames(context, given);
}

interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly kind: number;
  readonly outcome: number;
  readonly theme: Theme;
}

function drawBar(context: CanvasRenderingContext2D, {x, y, width, height, kind, outcome, theme}: Bar): void {
  const colour = theme.kinds[kind] ?? theme.ink;
  const cap = outcome === ERROR ? theme.capError : theme.capUnknown;
  // A hair of ground between neighbours, so that back-to-back operations stay countable.
  const inner = width > 4 ? width - 1 : width;
  if (outcome === OK || inner < FORM_WIDTH_MIN) {
    context.fillStyle = outcome === OK ? colour : cap;
    context.fillRect(x, y, inner, height);
    return;
  }
  context.globalAlpha = 0.28;
  context.fillStyle = colour;
  context.fillRect(x, y, inner, height);
  context.globalAlpha = 1;
  if (outcome !== ERROR) stripes(context, {x, y, width: inner, height}, colour);
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, inner - 1, height - 1);
  if (outcome === OPEN) return;
  context.fillStyle = cap;
  context.fillRect(x + inner - CAP_WIDTH, y, CAP_WIDTH, height);
}

function stripes(
  context: CanvasRenderingContext2D,
  {x, y, width, height}: {readonly x: number; readonly y: number; readonly width: number; readonly height: number},
  colour: string,
): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.beginPath();
  for (let at = x - (x % STRIPE_GAP) - height; at < x + width; at += STRIPE_GAP) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.globalAlpha = 0.55;
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.stroke();
  context.restore();
}

function drawTexts(context: CanvasRenderingContext2D, {bars, barHeight, scrollTop, theme, textOf}: BarsToDraw): void {
  context.font = `${barHeight >= 17 ? 11 : 10}px ${theme.mono}`;
  context.textBaseline = 'middle';
  const letter = context.measureText('m').width;
  for (let i = 0; i < bars.count; i++) {
    const style = bars.style[i] as number;
    const left = Math.max(0, bars.x[i] as number);
    const room = (bars.x[i] as number) + (bars.width[i] as number) - left - 8;
    if (style === GHOST || room < TEXT_WIDTH_MIN - 8) continue;
    const count = Math.floor(room / letter);
    const text = textOf(bars.operation[i] as number);
    const shown = text.length <= count ? text : `${text.slice(0, count - 1)}…`;
    if (count < 4) continue;
    const y = (bars.y[i] as number) - scrollTop + textMiddle(barHeight) + 0.5;
    if ((style & 3) !== OK) {
      // Stripes would cross the letters.
      context.fillStyle = theme.surface;
      context.globalAlpha = 0.82;
      context.fillRect(left + 3, y - 6.5, shown.length * letter + 3, 12);
      context.globalAlpha = 1;
    }
    context.fillStyle = (style & 3) === OK ? theme.barText : theme.ink;
    context.fillText(shown, left + 4, y);
  }
}

function drawFrames(context: CanvasRenderingContext2D, given: BarsToDraw): void {
  const {bars, barHeight, scrollTop, theme, offending, selected, hovered} = given;
  const frame = (i: number, colour: string, lineWidth: number, gap: number) => {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    const width = Math.max(3, (bars.width[i] as number) - 1);
    context.strokeRect(
      (bars.x[i] as number) - gap,
      (bars.y[i] as number) - scrollTop - gap,
      width + 2 * gap,
      barHeight + 2 * gap,
    );
  };
  let last: (() => void) | undefined;
  for (let i = 0; i < bars.count; i++) {
    const operation = bars.operation[i] as number;
    if (offending.has(operation)) frame(i, theme.bad, 2, 1);
    if (operation === hovered) frame(i, theme.ink, 1, 0.5);
    if (operation === selected) {
      last = () => {
        frame(i, theme.surface, 4, 2);
        frame(i, offending.has(operation) ? theme.bad : theme.ink, 2, 2);
      };
    }
  }
  last?.();
}
