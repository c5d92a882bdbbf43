// reports/page/campaign.ts: the page of many runs: a table by scenario, failures in groups, marks.
import {
  type CampaignScenario,
  type CampaignSummary,
  campaignTotal,
  groupFailures,
  splitMarks,
} from '../campaign-page.ts';
import {counted, grouped, longDuration} from '../format.ts';
import {appElement, commandLine, h, readData} from './dom.ts';
import {VERDICT_SIGNS} from './header.ts';

/** Runs of a group that are listed at once; the rest is folded. */
const RUNS_SHOWN = 5;

const summary = readData<CampaignSummary>();
const total = campaignTotal(summary.scenarios);
const verdict = verdictOf(summary, total);

appElement().append(
  h(
    'header',
    {class: 'top'},
    h(
      'span',
      {class: `badge ${verdict}`},
      `${VERDICT_SIGNS[verdict]} ${verdict === 'unknown' ? 'no verdict in some runs' : verdict}`,
    ),
    h('h1', {}, `${counted(total.runs, 'run')} of ${counted(summary.scenarios.length, 'scenario')}`),
    commandLine(summary.startedWith),
  ),
  scenarioTable(summary.scenarios, total),
  failures(summary),
  marks(summary),
);

/** A failure that no run's verdict counts (two digests of one seed) is a violation as well. */
function verdictOf(
  {failures: {length}}: CampaignSummary,
  {violations, unknown}: CampaignScenario,
): 'ok' | 'violation' | 'unknown' {
  if (violations > 0 || length > violations + unknown) return 'violation';
  return unknown > 0 ? 'unknown' : 'ok';
}

function scenarioTable(rows: readonly CampaignScenario[], sum: CampaignScenario): HTMLElement {
  const cell = (count: number, className = '') =>
    h('td', {class: `number ${count === 0 ? 'zero' : className}`}, grouped(count));
  const line = (row: CampaignScenario, isSum: boolean) =>
    h(
      'tr',
      {class: isSum ? 'sum' : ''},
      h('th', {scope: 'row'}, row.scenario),
      h('td', {class: 'share'}, share(row)),
      cell(row.runs),
      cell(row.ok),
      cell(row.violations, 'violation'),
      cell(row.unknown, 'unknown'),
      cell(row.operationCount),
      cell(row.eventCount ?? 0),
      h('td', {class: 'number'}, longDuration(row.simulatedUs)),
    );
  const heads = ['scenario', '', 'runs', 'ok', 'violations', 'unknown', 'operations', 'events', 'virtual time'];
  return h(
    'section',
    {class: 'card'},
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, ...heads.map((name, at) => h('th', {class: at < 2 ? '' : 'number', scope: 'col'}, name))),
      ),
      h('tbody', {}, ...rows.map((row) => line(row, false)), line(sum, true)),
    ),
  );
}

/** Verdicts of a scenario's runs as parts of one bar; the numbers beside it say the same. */
function share({runs, ok, violations, unknown}: CampaignScenario): HTMLElement {
  const part = (count: number, name: string) =>
    count > 0 &&
    h('span', {
      class: name,
      style: `flex-grow:${count}`,
      title: `${grouped(count)} of ${counted(runs, 'run')}: ${name}`,
    });
  return h(
    'div',
    {class: 'bar', 'aria-hidden': 'true'},
    part(violations, 'violation'),
    part(unknown, 'unknown'),
    part(ok, 'ok'),
  );
}

function failures({failures: all}: CampaignSummary): HTMLElement {
  if (all.length === 0) return h('section', {class: 'card pad'}, h('p', {}, 'No run found anything.'));
  const groups = groupFailures(all).map(({scenario, check, failures: runs}) => {
    const items = runs.map(({seed, message, reproduce, page}) =>
      h(
        'li',
        {class: 'run'},
        page === undefined ? h('b', {}, `seed ${seed}`) : h('a', {href: page}, `seed ${seed}`),
        h('span', {}, message),
        commandLine(reproduce),
      ),
    );
    const rest = items.slice(RUNS_SHOWN);
    return h(
      'section',
      {class: 'card pad group'},
      h(
        'h2',
        {},
        h('span', {class: 'check'}, check),
        ` in ${scenario} `,
        h('span', {class: 'muted'}, counted(runs.length, 'run')),
      ),
      h('ol', {}, ...items.slice(0, RUNS_SHOWN)),
      rest.length > 0 &&
        h('details', {}, h('summary', {}, `${counted(rest.length, 'run')} more`), h('ol', {}, ...rest)),
    );
  });
  return h(
    'div',
    {class: 'groups'},
    h('h2', {}, `${counted(all.length, 'failure')} in ${counted(groups.length, 'group')}`),
    ...groups,
  );
}

function marks({marks: all}: CampaignSummary): HTMLElement {
  const {never, hit} = splitMarks(all);
  return h(
    'section',
    {class: 'card pad'},
    h('h2', {}, never.length === 0 ? 'Every mark was hit' : `Marks never hit: ${never.length}`),
    never.length > 0 &&
      h(
        'p',
        {class: 'muted'},
        'Places in the code that no run of this campaign reached: what they guard was not tried.',
      ),
    never.length > 0 && h('ul', {class: 'never'}, ...never.map((name) => h('li', {}, name))),
    h(
      'details',
      {},
      h('summary', {}, `${counted(hit.length, 'mark')} hit`),
      h(
        'table',
        {},
        h(
          'tbody',
          {},
          ...hit.map(([name, count]) =>
            h('tr', {}, h('td', {}, name), h('td', {class: 'number mono'}, grouped(count))),
          ),
        ),
      ),
    ),
  );
}
