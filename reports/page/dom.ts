// reports/page/dom.ts: elements out of words, and pictures out of marks.
import type {SvgNode} from '../svg.ts';

type Child = Node | string | undefined | false;
type Properties = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>;

/** An element. Properties that are functions listen ("click"), others are attributes; undefined and false are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An SVG element that the page itself makes. */
export function svgElement<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** A mark as an element: the title is its accessible name and its tooltip, the ref leads back to the data. */
export function toSvg({tag, attributes, children, text, title, ref}: SvgNode): SVGElement {
  const element = svgElement(tag, attributes);
  if (text !== undefined) element.textContent = text;
  if (title !== undefined) {
    element.setAttribute('role', 'img');
    element.setAttribute('aria-label', title);
    element.dataset['tip'] = title;
  }
  if (ref !== undefined) element.dataset['ref'] = ref;
  for (const child of children) element.append(toSvg(child));
  return element;
}

/** Replaces what is in a parent by marks. */
export function drawMarks(parent: Element, marks: readonly SvgNode[]): void {
  parent.replaceChildren(...marks.map(toSvg));
}

/** A command with a button that copies it. */
export function commandLine(command: string): HTMLElement {
  const button = h('button', {type: 'button', title: 'Copy the command', click: () => copy(command, button)}, 'Copy');
  return h('div', {class: 'command'}, h('code', {tabindex: 0}, command), button);
}

function copy(text: string, button: HTMLElement): void {
  const done = (word: string) => {
    button.textContent = word;
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  };
  // Pages opened from a file may not have the clipboard: then the text is selected for the user's own keys.
  const select = () => {
    const code = button.previousElementSibling;
    if (code !== null) getSelection()?.selectAllChildren(code);
    done('Selected');
  };
  if (navigator.clipboard === undefined) select();
  else navigator.clipboard.writeText(text).then(() => done('Copied'), select);
}

/** The JSON that the page carries. */
export function readData<T>(): T {
  return JSON.parse(document.getElementById('data')?.textContent ?? 'null') as T;
}

/** The element to fill. */
export function appElement(): HTMLElement {
  return document.getElementById('app') ?? document.body;
}
