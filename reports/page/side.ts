// reports/page/side.ts: beside the picture: what is selected, in full, and the order around the finding that is told.
import {duration, exactSeconds} from '../format.ts';
import {describeFault} from '../timeline-view.ts';
import {h} from './dom.ts';
import {type OperationFacts, operationFacts} from './operation-facts.ts';
import {orderPanel} from './order-panel.ts';
import type {RunPage} from './run-page.ts';
import type {Selection} from './store.ts';

export function side(page: RunPage): HTMLElement {
  const selected = h('section', {class: 'selected', 'aria-live': 'polite', 'aria-label': 'Selection'});
  const order = h('section', {class: 'order-panel', 'aria-label': 'Order around the finding'});
  const draw = () => {
    const {choice} = page.store;
    selected.replaceChildren(...selectionNodes(page, choice.selection));
  };
  const drawOrder = () => {
    order.replaceChildren(...orderPanel(page));
    const body = order.querySelector('.order-scroll');
    if (body !== null) body.scrollTop = body.scrollHeight;
  };
  page.store.listen((choice, before) => {
    if (choice.selection !== before.selection) draw();
    if (choice.finding !== before.finding || choice.order !== before.order || choice.filter !== before.filter)
      drawOrder();
    else if (choice.selection !== before.selection) markSelected(order, choice.selection);
  });
  draw();
  drawOrder();
  return h('aside', {class: 'side card'}, selected, order);
}

function markSelected(order: HTMLElement, selection: Selection): void {
  const wanted = selection.kind === 'operation' ? String(selection.operation) : '';
  for (const row of order.querySelectorAll<HTMLElement>('[data-operation]')) {
    row.classList.toggle('active', row.dataset['operation'] === wanted);
  }
}

function selectionNodes(page: RunPage, selection: Selection): Node[] {
  switch (selection.kind) {
    case 'operation':
      return operationNodes(page, selection.operation);
    case 'fault': {
      const fault = page.head.faults[selection.fault];
      if (fault === undefined) return [];
      return [
        h('h2', {}, `Fault: ${fault.fault}`),
        h('p', {}, describeFault(fault)),
        h('button', {type: 'button', click: () => page.camera.show(around(fault.fromUs, fault.toUs))}, 'Zoom to it'),
      ];
    }
    case 'event': {
      const member = page.head.members[selection.member];
      const event = member?.events[selection.event];
      if (member === undefined || event === undefined) return [];
      return [h('h2', {}, `${member.name} · ${exactSeconds(event.atUs)}`), h('p', {}, event.text)];
    }
    case 'none':
      return [
        h('h2', {}, 'Nothing selected'),
        h(
          'p',
          {class: 'muted'},
          'Click an operation, a fault or a symbol. Drag to move, Ctrl + wheel (or the wheel over the axis) to zoom, double-click to zoom in.',
        ),
      ];
  }
}

/** A stretch with some room on both sides. */
function around(fromUs: number, toUs: number) {
  const margin = Math.max(1_000, (toUs - fromUs) / 5);
  return {fromUs: Math.max(0, fromUs - margin), toUs: toUs + margin};
}

function operationNodes(page: RunPage, operation: number): Node[] {
  const facts = operationFacts(page, operation);
  const {store, camera, head} = page;
  const row = (name: string, value: string) => [h('dt', {}, name), h('dd', {class: 'mono'}, value)];
  const findings = head.findings.filter(({operations}) => operations.includes(operation));
  const keys = head.keySets[page.operations.columns.keySet[operation] as number] ?? [];
  const [key] = keys.length === 1 ? keys : [];
  const keyName = key === undefined ? undefined : head.keys[key];
  return [
    h(
      'button',
      {
        type: 'button',
        class: 'plain close',
        title: 'Close (Esc)',
        'aria-label': 'Close',
        click: () => store.change({selection: {kind: 'none'}}),
      },
      '×',
    ),
    h('h2', {}, `Operation #${facts.id}`, h('span', {class: 'muted'}, ` · client ${facts.client}`)),
    h('p', {class: 'mono request'}, facts.request),
    h('p', {class: `mono outcome ${facts.outcomeKind}`}, `→ ${facts.outcome}`),
    h(
      'dl',
      {class: 'facts-list'},
      ...row('kind', kindText(facts)),
      ...row('time', timeText(facts)),
      ...(facts.member === '' ? [] : row('answer', `from ${facts.member} at revision ${facts.revision}`)),
      ...(findings.length === 0 ? [] : row('shows', [...new Set(findings.map(({check}) => check))].join(', '))),
    ),
    h(
      'div',
      {class: 'buttons wrap'},
      h('button', {type: 'button', click: () => zoomTo(page, operation)}, 'Zoom to it'),
      h(
        'button',
        {type: 'button', click: () => store.change({filter: {...store.choice.filter, client: facts.client}})},
        `Only client ${facts.client}`,
      ),
      keyName !== undefined &&
        h(
          'button',
          {type: 'button', click: () => store.change({filter: {...store.choice.filter, key: keyName}})},
          `Only key ${keyName}`,
        ),
    ),
  ];

  function zoomTo(of: RunPage, one: number): void {
    const {callUs, returnUs} = operationFacts(of, one);
    camera.show(around(callUs, returnUs < 0 ? head.endUs : returnUs));
  }
}

function kindText({kind, isSerializable}: OperationFacts): string {
  if (kind === 'put' || kind === 'delete' || kind === 'txn') return kind;
  return `${kind}, ${isSerializable ? 'serializable' : 'linearizable'}`;
}

function timeText({callUs, returnUs}: OperationFacts): string {
  if (returnUs < 0) return `${exactSeconds(callUs)}, open at the end of the run`;
  return `${exactSeconds(callUs)} to ${exactSeconds(returnUs)} (${duration(returnUs - callUs)})`;
}
