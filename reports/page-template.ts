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

/** The page. The template has every place once, in this order: title, text, data. */
export function fillTemplate(template: string, {title, data, text}: PageContent): string {
  // Places are found before anything is filled in: a title may hold their names. By position, not replace(): "$&" stays "$&".
  const contents = [
    [TITLE, escapeHtml(title)],
    [TEXT, escapeHtml(text)],
    [DATA, escapeJson(data)],
  ] as const;
  const parts: string[] = [];
  let from = 0;
  for (const [place, content] of contents) {
    const at = template.indexOf(place, from);
    if (at === -1) throw new Error(`the page template has no ${place} where it should be`);
    parts.push(template.slice(from, at), content);
    from = at + place.length;
  }
  return parts.join('') + template.slice(from);
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
