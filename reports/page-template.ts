// reports/page-template.ts: a built template and what goes into it. The places are words that no code and no style holds.
// Promise: nothing in the data can end its element or start another: a value "</script>" stays a value.

/** What fills a template. */
export interface PageContent {
  readonly title: string;
  /** Goes into a script element of type application/json. */
  readonly data: unknown;
  /** Plain text for those without JavaScript. */
  readonly text: string;
}

const TITLE = 'etcdsim-place-of-title';
const DATA = 'etcdsim-place-of-data';
const TEXT = 'etcdsim-place-of-text';

/** The page. Every place must be in the template exactly once. */
export function fillTemplate(template: string, {title, data, text}: PageContent): string {
  let page = template;
  for (const [place, content] of [
    [TITLE, escapeHtml(title)],
    [TEXT, escapeHtml(text)],
    [DATA, escapeJson(data)],
  ] as const) {
    // By position, not replace(): "$&" in a value must stay as it is. The data comes last, so no place is looked for in it.
    const at = page.indexOf(place);
    if (at === -1) throw new Error(`the page template has no ${place}`);
    page = page.slice(0, at) + content + page.slice(at + place.length);
  }
  return page;
}

/** JSON that is safe inside a script element: no "<", and no line separators that old parsers take for line ends. */
export function escapeJson(data: unknown): string {
  return JSON.stringify(data)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it, also inside an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
