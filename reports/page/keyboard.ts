// reports/page/keyboard.ts: keys for everything that the picture can do.
import {h} from './dom.ts';
import {goToFinding, stepFinding} from './findings.ts';
import type {RunPage} from './run-page.ts';

const HELP: readonly (readonly [string, string])[] = [
  ['e', 'first error'],
  ['n p', 'next, previous finding'],
  ['j k', 'next, previous operation of the client'],
  ['← →', 'move'],
  ['+ −', 'zoom'],
  ['0', 'whole run'],
  ['/', 'filter by key'],
  ['Esc', 'close'],
];

export function listenToKeys(page: RunPage): void {
  const {camera, store} = page;
  const actions: Readonly<Record<string, () => void>> = {
    e: () => goToFinding(page, 0),
    n: () => stepFinding(page, 1),
    p: () => stepFinding(page, -1),
    j: () => stepOperation(page, 1),
    k: () => stepOperation(page, -1),
    '+': () => camera.zoom(2),
    '=': () => camera.zoom(2),
    '-': () => camera.zoom(1 / 2),
    '0': () => camera.fit(),
    ArrowLeft: () => camera.pan(-0.15),
    ArrowRight: () => camera.pan(0.15),
    Escape: () => store.change({selection: {kind: 'none'}}),
    '/': () => document.getElementById('filter-key')?.focus(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target.matches('input, select, textarea')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

/** The next or the previous operation of the selected one's row; without a selection the first of the run. */
function stepOperation({store, rows, operations, camera}: RunPage, step: 1 | -1): void {
  const {columns} = operations;
  if (columns.count === 0) return;
  const {selection} = store.choice;
  let operation = 0;
  if (selection.kind === 'operation') {
    const row = columns.row[selection.operation] as number;
    const start = rows.starts[row] as number;
    const stop = rows.starts[row + 1] as number;
    const at = rows.order.subarray(start, stop).indexOf(selection.operation) + start + step;
    if (at < start || at >= stop) return;
    operation = rows.order[at] as number;
  }
  store.change({selection: {kind: 'operation', operation}});
  camera.reveal(operation);
}

export function keyHelp(): HTMLElement {
  return h(
    'footer',
    {class: 'keys muted'},
    ...HELP.map(([keys, what]) => h('span', {}, ...keys.split(' ').map((key) => h('kbd', {}, key)), ` ${what}`)),
  );
}
