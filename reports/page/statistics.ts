// reports/page/statistics.ts: counts, and how often each marked place of the code was reached; folded away.
import {KINDS} from '../describe.ts';
import {duration, grouped} from '../format.ts';
import {OUTCOMES} from '../view-types.ts';
import {h} from './dom.ts';
import type {RunPage} from './run-page.ts';

export function statistics(page: RunPage): HTMLElement {
  const {marks} = page.head;
  return h(
    'details',
    {class: 'statistics card'},
    h(
      'summary',
      {},
      h('b', {}, 'Statistics and marks'),
      h('span', {class: 'muted'}, `  ${grouped(marks.length)} marked places were reached`),
    ),
    h('div', {class: 'columns'}, kindTable(page), marksTable(marks)),
  );
}

function marksTable(marks: RunPage['head']['marks']): HTMLElement {
  const highest = Math.max(1, ...marks.map(([, count]) => count));
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, h('th', {}, 'mark'), h('th', {class: 'number'}, 'hits'), h('th', {class: 'meter'}, ''))),
    h(
      'tbody',
      {},
      ...marks.map(([name, count]) =>
        h(
          'tr',
          {},
          h('td', {}, name),
          h('td', {class: 'number mono'}, grouped(count)),
          h(
            'td',
            {class: 'meter'},
            h('span', {style: `width:${((Math.log1p(count) / Math.log1p(highest)) * 100).toFixed(1)}%`}),
          ),
        ),
      ),
    ),
  );
}

/** Operations by kind and outcome, and how long those that were answered took. */
function kindTable({operations: {columns}}: RunPage): HTMLElement {
  const rows = KINDS.map((kind, position) => {
    const counts = OUTCOMES.map(() => 0);
    const took: number[] = [];
    for (let i = 0; i < columns.count; i++) {
      if (columns.kind[i] !== position) continue;
      const outcome = columns.outcome[i] as number;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (outcome === 0) took.push((columns.returnUs[i] as number) - (columns.callUs[i] as number));
    }
    took.sort((a, b) => a - b);
    const quantile = (hundredths: number) =>
      took[Math.min(took.length - 1, Math.floor((took.length * hundredths) / 100))];
    return {kind, counts, median: quantile(50), high: quantile(99)};
  }).filter(({counts}) => counts.some((count) => count > 0));
  const time = (us: number | undefined) => (us === undefined ? '–' : duration(us));
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...['operations', 'ok', 'error', 'unknown', 'open', 'median', '99 %'].map((name, at) =>
          h('th', {class: at === 0 ? '' : 'number'}, name),
        ),
      ),
    ),
    h(
      'tbody',
      {},
      ...rows.map(({kind, counts, median, high}) =>
        h(
          'tr',
          {},
          h('td', {}, kind),
          ...counts.map((count) => h('td', {class: 'number mono'}, grouped(count))),
          h('td', {class: 'number mono'}, time(median)),
          h('td', {class: 'number mono'}, time(high)),
        ),
      ),
    ),
  );
}
