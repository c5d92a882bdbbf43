// reports/bundle.ts: records and summaries to self-contained HTML pages: the one place in reports/ that touches files.
// In a clone the template is built from reports/page/ on first use and cached; a published package has it built beside its code.
// Promise: equal records give equal pages, from any working directory; no page loads anything.
import {existsSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import type {RunRecord} from '../history/run-record.ts';
import type {TemplateName} from './build-template.ts';
import {type CampaignSummary, campaignText} from './campaign-page.ts';
import {pageDataOf} from './page-data.ts';
import {fillTemplate} from './page-template.ts';
import {runText} from './text.ts';

/** Files of a published package; TEMPLATES of build-template.ts has the same names. */
const SHIPPED: Readonly<Record<TemplateName, string>> = {
  run: 'report-template.html',
  campaign: 'campaign-template.html',
};

/** The page of one run. */
export async function renderRunPage(record: RunRecord): Promise<string> {
  const data = pageDataOf(record);
  return fillTemplate(await template('run'), {title: data.head.title, data, text: runText(record).join('\n')});
}

/** The page of many runs. `page` of a failure is a link, relative to where the page will lie. */
export async function renderCampaignPage(summary: CampaignSummary): Promise<string> {
  const text = campaignText(summary).join('\n');
  return fillTemplate(await template('campaign'), {title: `etcdsim: ${summary.startedWith}`, data: summary, text});
}

async function template(name: TemplateName): Promise<string> {
  const sources = new URL('./build-template.ts', import.meta.url);
  if (existsSync(sources) && existsSync(new URL('./page/index.html', import.meta.url))) {
    // By address, not by name: a bundler of the published package must not follow it into vite.
    const {cachedTemplate} = (await import(sources.href)) as typeof import('./build-template.ts');
    return cachedTemplate(name);
  }
  for (const place of [`./${SHIPPED[name]}`, `../${SHIPPED[name]}`, `../dist/${SHIPPED[name]}`]) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(path)) return readFileSync(path, 'utf8');
  }
  throw new Error(`this package lacks ${SHIPPED[name]}: it was built without its pages`);
}
