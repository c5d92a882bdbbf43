// reports/page/main.ts: the page of a run: reads the data it carries and puts the parts together.
import {matchCount} from '../filter.ts';
import {rowIndex} from '../marks/operations.ts';
import {decodePageData, type PageData} from '../page-data.ts';
import {Chart} from './chart.ts';
import {appElement, h, readData} from './dom.ts';
import {findingList} from './findings.ts';
import {header} from './header.ts';
import {keyHelp, listenToKeys} from './keyboard.ts';
import {legend} from './legend.ts';
import {Overview} from './overview.ts';
import type {RunPage} from './run-page.ts';
import {side} from './side.ts';
import {statistics} from './statistics.ts';
import {Store} from './store.ts';
import {toolbar} from './toolbar.ts';

const data = readData<PageData>();
const {head} = data;
const operations = decodePageData(data);
const store = new Store();
const rows = rowIndex(operations.columns, head.rowCount);
const chart: Chart = new Chart({head, operations, rows, store}, (band) => overview.follow(band));
const page: RunPage = {
  head,
  operations,
  rows,
  store,
  camera: chart,
  isShown: (operation) => chart.matches[operation] === 1,
};
const overview = new Overview(head, operations.columns, (band) => chart.showAtOnce(band));

const picture = h('div', {class: 'picture card'}, chart.element);
picture.prepend(overview.element);
if (operations.columns.count === 0)
  picture.append(h('p', {class: 'muted empty'}, 'This run holds no client operations.'));
picture.append(legend());
const shownCount = () => matchCount(chart.matches);
const findings = findingList(page);
appElement().append(
  header(head, operations.columns.count),
  ...(findings === undefined ? [] : [findings]),
  h('main', {}, toolbar(page, shownCount), h('div', {class: 'stage'}, picture, side(page))),
  statistics(page),
  keyHelp(),
);
listenToKeys(page);
chart.start();
if (head.valueSizeMax > 0) {
  appElement().append(
    h(
      'p',
      {class: 'muted cut'},
      `To keep this page small, values are cut at ${head.valueSizeMax} bytes; the run record holds them whole.`,
    ),
  );
}
