// reports/page/header.ts: what was run, how it ended, and the line that shows it again.
import {duration, grouped} from '../format.ts';
import type {RunHead} from '../view-types.ts';
import {commandLine, h} from './dom.ts';
import {releaseText} from './run-page.ts';

export const VERDICT_SIGNS = {ok: '✓', violation: '✗', unknown: '?'} as const;
const VERDICT_WORDS = {ok: 'ok', violation: 'violation', unknown: 'no verdict'} as const;

export function header(head: RunHead, operationCount: number): HTMLElement {
  const fact = (name: string, ...value: (Node | string)[]) =>
    h('div', {class: 'fact'}, h('dt', {}, name), h('dd', {}, ...value));
  const outcome = [
    `${grouped(head.okCount)} ok`,
    `${grouped(head.errorCount)} refused`,
    `${grouped(head.unknownCount)} unknown`,
  ];
  return h(
    'header',
    {class: 'top'},
    h(
      'div',
      {class: 'title-row'},
      h('span', {class: `badge ${head.verdict}`}, `${VERDICT_SIGNS[head.verdict]} ${VERDICT_WORDS[head.verdict]}`),
      h('h1', {}, head.scenario, ' ', h('span', {class: 'seed'}, `seed ${head.seed}`)),
      head.plant !== undefined &&
        h('span', {class: 'badge plant', title: 'A deliberate defect was switched on'}, `planted: ${head.plant}`),
      commandLine(head.reproduce),
    ),
    h(
      'dl',
      {class: 'facts'},
      fact('etcd', releaseText(head.releases) || '–'),
      fact('members', head.members.map(({name}) => name).join(', ') || '–'),
      fact('operations', grouped(operationCount), h('span', {class: 'muted'}, `  ${outcome.join(' · ')}`)),
      fact('virtual time', duration(head.simulatedUs)),
      fact('events', grouped(head.eventCount)),
      fact('digest', h('code', {}, head.digest)),
      fact('etcdsim', head.codeVersion),
    ),
    plan(head),
  );
}

function plan({planSummary, plan: json}: RunHead): HTMLElement {
  return h(
    'details',
    {class: 'plan'},
    h(
      'summary',
      {},
      h('b', {}, 'Plan'),
      ' ',
      planSummary.join(' · ') || (Object.keys(json).length === 0 ? 'the record holds none' : 'as recorded'),
    ),
    h('pre', {class: 'mono', tabindex: 0}, JSON.stringify(json, null, 2)),
  );
}
