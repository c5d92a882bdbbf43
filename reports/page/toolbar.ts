// reports/page/toolbar.ts: jump to errors, zoom, and choose what is shown.
import {KINDS, type OperationKind} from '../describe.ts';
import {isEmptyFilter} from '../filter.ts';
import {counted, grouped} from '../format.ts';
import {OUTCOMES, type OutcomeKind} from '../view-types.ts';
import {h} from './dom.ts';
import {goToFinding, stepFinding} from './findings.ts';
import type {RunPage} from './run-page.ts';

const OUTCOME_WORDS: Readonly<Record<OutcomeKind, string>> = {
  ok: 'ok',
  error: 'error without effect',
  unknown: 'effect unknown',
  open: 'open at the end',
};

export function toolbar(page: RunPage, shownCount: () => number): HTMLElement {
  const {head, camera} = page;
  const none = head.findings.length === 0;
  const button = (text: string, title: string, click: () => void, disabled = false) =>
    h('button', {type: 'button', title, 'aria-label': title, disabled, click}, text);
  const jump = h(
    'button',
    {
      type: 'button',
      class: 'jump',
      id: 'jump',
      disabled: none,
      title: 'Jump to the first error (e)',
      click: () => goToFinding(page, 0),
    },
    none ? 'No errors' : 'Jump to first error',
    ' ',
    none ? '' : h('kbd', {}, 'e'),
  );
  return h(
    'div',
    {class: 'toolbar', role: 'toolbar', 'aria-label': 'View'},
    jump,
    h(
      'div',
      {class: 'buttons'},
      button('‹', 'Previous finding (p)', () => stepFinding(page, -1), none),
      findingCounter(page),
      button('›', 'Next finding (n)', () => stepFinding(page, 1), none),
    ),
    h(
      'div',
      {class: 'buttons'},
      button('−', 'Zoom out (-)', () => camera.zoom(1 / 2)),
      button('+', 'Zoom in (+)', () => camera.zoom(2)),
      button('All', 'Show the whole run (0)', () => camera.fit()),
    ),
    filters(page, shownCount),
  );
}

function findingCounter({head, store}: RunPage): HTMLElement {
  const counter = h('span', {class: 'counter mono'}, `– / ${head.findings.length}`);
  store.listen(({finding}) => {
    counter.textContent = `${finding === undefined ? '–' : finding + 1} / ${head.findings.length}`;
  });
  return counter;
}

function filters({head, store, operations}: RunPage, shownCount: () => number): HTMLElement {
  const set = (part: Record<string, unknown>) => store.change({filter: {...store.choice.filter, ...part}});
  const picker = (
    id: string,
    name: string,
    options: readonly (readonly [string, string])[],
    change: (value: string) => void,
  ) => {
    const select = h('select', {id, 'aria-label': `Filter by ${name}`, change: () => change(select.value)});
    select.append(h('option', {value: ''}, `every ${name}`));
    for (const [value, text] of options) select.append(h('option', {value}, text));
    return select;
  };
  const clients = head.clients.map(
    ({client, operationCount}) => [String(client), `client ${client} (${grouped(operationCount)})`] as const,
  );
  const client = picker('filter-client', 'client', clients, (value) =>
    set({client: value === '' ? undefined : Number(value)}),
  );
  const kind = picker(
    'filter-kind',
    'kind',
    KINDS.map((one) => [one, one]),
    (value) => set({kind: value === '' ? undefined : (value as OperationKind)}),
  );
  const outcome = picker(
    'filter-outcome',
    'outcome',
    OUTCOMES.map((one) => [one, OUTCOME_WORDS[one]]),
    (value) => set({outcome: value === '' ? undefined : (value as OutcomeKind)}),
  );
  const key = h('input', {
    id: 'filter-key',
    type: 'search',
    list: 'keys',
    placeholder: 'every key',
    'aria-label': 'Filter by key',
    autocomplete: 'off',
    input: () => set({key: key.value === '' ? undefined : key.value}),
  });
  const clear = h('button', {type: 'button', click: () => store.change({filter: {}})}, 'Clear');
  const count = h('span', {class: 'muted count', role: 'status'});
  const tell = () => {
    const {filter} = store.choice;
    const total = operations.columns.count;
    clear.hidden = isEmptyFilter(filter);
    count.textContent = isEmptyFilter(filter)
      ? counted(total, 'operation')
      : `${grouped(shownCount())} of ${counted(total, 'operation')}`;
    client.value = filter.client === undefined ? '' : String(filter.client);
    kind.value = filter.kind ?? '';
    outcome.value = filter.outcome ?? '';
    if (document.activeElement !== key) key.value = filter.key ?? '';
  };
  store.listen(({filter}, before) => {
    if (filter !== before.filter) tell();
  });
  tell();
  const keys = h('datalist', {id: 'keys'}, ...head.keys.slice(0, 1000).map((one) => h('option', {value: one})));
  return h(
    'div',
    {class: 'filters', role: 'group', 'aria-label': 'Filters'},
    client,
    key,
    keys,
    kind,
    outcome,
    clear,
    count,
  );
}
