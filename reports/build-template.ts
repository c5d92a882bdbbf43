// reports/build-template.ts: reports/page/ bundled by vite into one HTML file with places for title, text and data.
// Only a clone has the sources and vite; a published package carries the results (writeTemplates) and never loads this file.
import {createHash} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'vite';
import {viteSingleFile} from 'vite-plugin-singlefile';

/** The pages there are: entry in reports/page/, and file name in a published package. */
export const TEMPLATES = {
  run: {entry: 'index.html', file: 'report-template.html'},
  campaign: {entry: 'campaign.html', file: 'campaign-template.html'},
} as const;
export type TemplateName = keyof typeof TEMPLATES;

const REPORTS = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(REPORTS);
const CACHE = join(ROOT, 'node_modules', '.cache', 'etcdsim');
/** What ends up in a page, or decides how it is built. */
const SOURCES = ['reports', 'base', 'history', 'package.json'];

/** The template, from the cache when the sources are those it was built from. */
export async function cachedTemplate(name: TemplateName): Promise<string> {
  const path = join(CACHE, `${name}-template-${sourceHash()}.html`);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // not built yet
  }
  const html = await buildTemplate(name);
  try {
    mkdirSync(CACHE, {recursive: true});
    // Complete under its name or not there: another process may build the same template at the same time.
    const part = `${path}.${process.pid}.part`;
    writeFileSync(part, html);
    renameSync(part, path);
  } catch {
    // A read-only clone works too, only slower.
  }
  return html;
}

/** Builds both templates into a folder: for `npm run build`. */
export async function writeTemplates(directory: string): Promise<void> {
  mkdirSync(directory, {recursive: true});
  for (const name of ['run', 'campaign'] as const) {
    writeFileSync(join(directory, TEMPLATES[name].file), await buildTemplate(name));
  }
}

/** One page with all its code and style inside. */
export async function buildTemplate(name: TemplateName): Promise<string> {
  const {entry} = TEMPLATES[name];
  const nodeEnv = process.env['NODE_ENV'];
  try {
    const result = await build({
      root: join(REPORTS, 'page'),
      configFile: false,
      envDir: false,
      publicDir: false,
      logLevel: 'error',
      mode: 'production',
      plugins: [viteSingleFile({removeViteModuleLoader: true})],
      build: {
        write: false,
        target: 'es2022',
        modulePreload: {polyfill: false},
        rolldownOptions: {input: join(REPORTS, 'page', entry)},
      },
    });
    const [bundle] = Array.isArray(result) ? result : [result];
    const output = bundle !== undefined && 'output' in bundle ? bundle.output : [];
    const html = output.find(({fileName}) => fileName.endsWith('.html'));
    if (html?.type !== 'asset') throw new Error(`vite made no HTML file of reports/page/${entry}`);
    return typeof html.source === 'string' ? html.source : new TextDecoder().decode(html.source);
  } finally {
    // vite sets it for its build; the caller's must stay what it was.
    if (nodeEnv === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = nodeEnv;
  }
}

function sourceHash(): string {
  const hash = createHash('sha256');
  const add = (path: string) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  for (const source of SOURCES) {
    if (source.includes('.')) add(source);
    else {
      const files = readdirSync(join(ROOT, source), {recursive: true, encoding: 'utf8'})
        .map((file) => file.replaceAll('\\', '/'))
        .filter((file) => /\.(ts|css|html|json)$/.test(file) && !file.endsWith('.test.ts'));
      for (const file of files.sort()) add(`${source}/${file}`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
