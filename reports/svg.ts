// reports/svg.ts: a picture as plain data: what a mark returns. The page turns it into elements, a test reads it as it is.

/** An element; `title` is what a pointer or a screen reader is told, `ref` names the thing drawn for clicks ("fault:3"). */
export interface SvgNode {
  readonly tag: 'g' | 'rect' | 'path' | 'line' | 'text' | 'circle' | 'polyline';
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly children: readonly SvgNode[];
  readonly text?: string | undefined;
  readonly title?: string | undefined;
  readonly ref?: string | undefined;
}

type Attributes = Readonly<Record<string, string | number>>;
type Told = {readonly title?: string | undefined; readonly ref?: string | undefined};

export function group(className: string, children: readonly SvgNode[], told: Told = {}): SvgNode {
  return {tag: 'g', attributes: {class: className}, children, ...told};
}

export function shape(
  tag: 'rect' | 'path' | 'line' | 'circle' | 'polyline',
  attributes: Attributes,
  told: Told = {},
): SvgNode {
  return {tag, attributes, children: [], ...told};
}

export function label(text: string, attributes: Attributes): SvgNode {
  return {tag: 'text', attributes, children: [], text};
}

/** A coordinate with at most two decimals: enough for a screen, and the same text in every engine. */
export function px(value: number): number {
  return Math.round(value * 100) / 100;
}

/** How wide a text is at most, without asking a browser: `em` is the font size in pixels. */
export function textWidth(text: string, em: number): number {
  return text.length * em * 0.6;
}

/** The text, cut so that it fits into `width`; empty when not even three characters do. */
export function fitText(text: string, width: number, em: number): string {
  if (textWidth(text, em) <= width) return text;
  const count = Math.floor(width / (em * 0.6)) - 1;
  return count < 3 ? '' : `${text.slice(0, count).trimEnd()}…`;
}
