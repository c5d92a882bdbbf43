// reports/page/order-panel.ts: the longest partial linearization as a table: the operations in the order found, what is known of the
// store after each, and the operation that cannot come next.
import {counted} from '../format.ts';
import type {FindingView, OrderView} from '../view-types.ts';
import {commandLine, h} from './dom.ts';
import {operationFacts} from './operation-facts.ts';
import type {RunPage} from './run-page.ts';

export function orderPanel(page: RunPage): Node[] {
  const {head, store} = page;
  const {finding: index, order: at} = store.choice;
  const finding = index === undefined ? undefined : head.findings[index];
  if (finding === undefined) return [];
  const order = finding.orders[at];
  const nodes: Node[] = [
    h('h2', {}, `Finding ${(index ?? 0) + 1}: ${finding.check}`),
    h('p', {class: 'message'}, finding.message),
  ];
  if (order !== undefined) nodes.push(...orderNodes(page, finding, order));
  else if (finding.operations.length > 0) nodes.push(operationsTable(page, finding));
  if (finding.atEvent !== undefined) {
    const command = `bin/etcdsim replay run.json --until-event ${finding.atEvent} --trace`;
    nodes.push(h('div', {class: 'replay'}, h('span', {class: 'muted'}, 'step by step'), commandLine(command)));
  }
  return nodes;
}

function orderNodes(page: RunPage, finding: FindingView, order: OrderView): Node[] {
  const {store} = page;
  const length = order.hiddenCount + order.steps.length;
  const chosen = store.choice.order;
  const picker =
    finding.orders.length > 1 &&
    h(
      'select',
      {
        'aria-label': 'Which of the longest orders',
        change: (event) => store.change({order: Number((event.target as HTMLSelectElement).value)}),
      },
      ...finding.orders.map((one, index) =>
        h(
          'option',
          {value: index, selected: index === chosen},
          `order ${index + 1} of ${finding.orders.length} (${one.hiddenCount + one.steps.length})`,
        ),
      ),
    );
  const rows = order.steps.map(({operation, after}, index) =>
    operationRow(page, operation, {number: String(order.hiddenCount + index + 1), after, className: ''}),
  );
  const [blocked] = finding.operations;
  if (blocked !== undefined) {
    const after = order.known === undefined ? '' : `cannot come next; before it: ${order.known}`;
    rows.push(operationRow(page, blocked, {number: '✗', after, className: 'blocked'}));
  }
  return [
    h('div', {class: 'order-head'}, h('h3', {}, `Longest order found, last ${counted(length, 'operation')}`), picker),
    table(['', 'operation and answer', 'known of the store after it'], rows),
  ];
}

function operationsTable(page: RunPage, {operations}: FindingView): Node {
  return table(
    ['', 'operation and answer', ''],
    operations.map((operation) => operationRow(page, operation, {number: '', after: '', className: ''})),
  );
}

function table(heads: readonly string[], rows: readonly Node[]): HTMLElement {
  return h(
    'div',
    {class: 'order-scroll', tabindex: 0},
    h(
      'table',
      {class: 'order-table'},
      h('thead', {}, h('tr', {}, ...heads.map((one) => h('th', {}, one)))),
      h('tbody', {}, ...rows),
    ),
  );
}

interface RowText {
  readonly number: string;
  readonly after: string;
  readonly className: string;
}

function operationRow(page: RunPage, operation: number, {number, after, className}: RowText): HTMLElement {
  const facts = operationFacts(page, operation);
  const {selection} = page.store.choice;
  const isActive = selection.kind === 'operation' && selection.operation === operation;
  const choose = () => {
    page.store.change({selection: {kind: 'operation', operation}});
    page.camera.reveal(operation);
  };
  return h(
    'tr',
    {
      class: [className, isActive ? 'active' : '', page.isShown(operation) ? '' : 'filtered'].join(' '),
      'data-operation': operation,
      click: choose,
    },
    h(
      'td',
      {class: 'number'},
      h(
        'button',
        {type: 'button', class: 'plain', 'aria-label': `Select operation ${facts.id}`},
        number || `#${facts.id}`,
      ),
    ),
    h(
      'td',
      {class: 'mono'},
      h('span', {class: 'client'}, `c${facts.client} `),
      facts.request,
      h('span', {class: `outcome ${facts.outcomeKind}`}, ` → ${facts.outcome}`),
    ),
    h('td', {class: 'mono'}, after),
  );
}
