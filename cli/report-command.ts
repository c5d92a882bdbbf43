// cli/report-command.ts: `etcdsim report <run.json>`: the page of a run.
import {spawn} from 'node:child_process';
import {decodeRunRecord} from '../history/run-record.ts';
import {renderRunPage} from '../reports/bundle.ts';
import {readText, writeText} from './files.ts';

/** Writes the page beside the record, or where --out says. */
export async function reportCommand(
  path: string,
  given: {readonly out?: string; readonly open?: boolean},
): Promise<number> {
  const record = decodeRunRecord(readText(path), path);
  const out = given.out ?? `${path.replace(/\.json$/, '')}.html`;
  writeText(out, await renderRunPage(record));
  console.log(out);
  if (given.open === true) openInBrowser(out);
  return 0;
}

function openInBrowser(path: string): void {
  const command = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(command, [path], {stdio: 'ignore', detached: true});
  child.on('error', () => console.error(`no program to open it with: ${command} is not there`));
  child.unref();
}
