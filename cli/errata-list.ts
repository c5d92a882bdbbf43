// cli/errata-list.ts: `etcdsim errata` and `etcdsim errata show <id>`: the known bugs of etcd that are simulated, and their stories.
import {InputError} from '../base/input-error.ts';
import {SEARCHES} from '../scenarios/errata/searches.ts';
import type {Erratum} from '../server-core/errata/erratum.ts';
import type {ErratumId} from '../server-core/errata/registry.ts';
import {ERRATA, erratumOf, isErratumId} from '../server-core/errata/registry.ts';
import {EXIT_OK} from './exit-code.ts';

const ID_WIDTH = 14;
const LINE_WIDTH = 100;

/** The id that somebody typed; InputError with all ids for an unknown one. */
export function parseErratumId(text: string): ErratumId {
  if (isErratumId(text)) return text;
  throw new InputError(`no known bug '${text}'; there are ${ERRATA.map(({id}) => id).join(', ')}`);
}

/** `3.3.1 to 3.4.24`, told by the last release that has it where there are several patches. */
export function rangesText({ranges}: Erratum): string {
  return ranges.map(({from, before}) => `${from} up to below ${before}`).join(', ');
}

/** Lists the bugs. */
export function errataCommand({json = false}: {readonly json?: boolean}): number {
  if (json) console.log(JSON.stringify(ERRATA.map(toJson)));
  else {
    for (const erratum of ERRATA) {
      console.log(`${erratum.id.padEnd(ID_WIDTH)}${erratum.title}`);
      console.log(`${' '.repeat(ID_WIDTH)}${rangesText(erratum)}`);
    }
  }
  return EXIT_OK;
}

/** Tells one bug's story. */
export function errataShowCommand(text: string, {json = false}: {readonly json?: boolean}): number {
  const id = parseErratumId(text);
  const erratum = erratumOf(id);
  if (json) console.log(JSON.stringify({...toJson(erratum), story: erratum.story, search: SEARCHES[id].lesson}));
  else for (const line of showLines(erratum, SEARCHES[id].lesson)) console.log(line);
  return EXIT_OK;
}

function showLines(erratum: Erratum, lesson: string): string[] {
  const {id, title, what, story, seam, sources} = erratum;
  return [
    `${id}: ${title}`,
    '',
    ...wrapped(what),
    '',
    ...story.flatMap((paragraph) => [...wrapped(paragraph), '']),
    `releases   ${rangesText(erratum)}`,
    `seam       ${seam}`,
    `sources    ${sources.join(', ')}`,
    `search     ${lesson}`,
    '',
    `Find it: etcdsim errata find ${id}`,
  ];
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

function toJson({id, title, what, ranges, seam, sources}: Erratum): object {
  return {id, title, what, ranges, seam, sources};
}
