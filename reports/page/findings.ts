// reports/page/findings.ts: the findings as a list of sentences; choosing one moves the picture to it.
import {counted, exactSeconds} from '../format.ts';
import type {FindingView} from '../view-types.ts';
import {h} from './dom.ts';
import type {RunPage} from './run-page.ts';

const SIGNS = {violation: '✗', unknown: '?'} as const;

/** Chooses a finding: its stretch of time, its first operation, its first order. */
export function goToFinding({head, store, camera}: RunPage, index: number): void {
  const finding = head.findings[index];
  if (finding === undefined) return;
  const [operation] = finding.operations;
  store.change({
    finding: index,
    order: 0,
    selection: operation === undefined ? {kind: 'none'} : {kind: 'operation', operation},
  });
  camera.show(finding.focus);
  if (operation !== undefined) camera.reveal(operation);
}

/** The next or the previous finding, around the ends. */
export function stepFinding(page: RunPage, step: 1 | -1): void {
  const {length} = page.head.findings;
  if (length === 0) return;
  const {finding} = page.store.choice;
  const from = finding ?? (step === 1 ? -1 : length);
  goToFinding(page, (from + step + length) % length);
}

export function findingList(page: RunPage): HTMLElement | undefined {
  const {findings, hiddenFindingCount, verdict} = page.head;
  if (findings.length === 0) {
    return verdict === 'ok'
      ? h('p', {class: 'no-findings'}, 'All checks passed: nothing was found.')
      : h('p', {class: 'no-findings'}, 'The record holds no findings.');
  }
  const items = findings.map((finding, index) =>
    h(
      'li',
      {},
      h(
        'button',
        {type: 'button', class: `finding ${finding.kind}`, click: () => goToFinding(page, index)},
        ...sentence(finding),
      ),
    ),
  );
  page.store.listen(({finding}) => {
    for (const [index, item] of items.entries()) item.classList.toggle('active', index === finding);
  });
  return h(
    'section',
    {class: 'findings', 'aria-label': 'Findings'},
    h('ol', {}, ...items),
    hiddenFindingCount > 0 &&
      h('p', {class: 'muted more'}, `… and ${counted(hiddenFindingCount, 'finding')} more in the run record`),
  );
}

function sentence({kind, check, message, atUs, key}: FindingView): Node[] {
  return [
    h('span', {class: 'sign', 'aria-label': kind}, SIGNS[kind]),
    h('b', {class: 'check'}, check),
    h('span', {class: 'mono time'}, atUs === undefined ? '' : exactSeconds(atUs)),
    h('span', {class: 'message'}, message, key === undefined ? '' : ` (key ${key})`),
  ];
}
