// reports/text.ts: a run as a short plain text for terminals: verdict, findings, a sketch of the operations around the first error,
// and the line that shows it again. No colours: the caller may add them.
import type {Operation} from '../history/operation.ts';
import type {RunRecord} from '../history/run-record.ts';
import {describeOutcome, describeRequest, type TextLimits} from './describe.ts';
import {counted, duration, exactSeconds} from './format.ts';
import {describeFault} from './timeline-view.ts';
import {runView} from './view-model.ts';
import type {FindingView, RunHead} from './view-types.ts';

const FINDINGS_SHOWN = 8;
const LINES_MAX = 14;
const SKETCH_WIDTH = 72;
const LIMITS: TextLimits = {valueSizeMax: 32, itemCountMax: 4};

/** The run in lines without line ends. */
export function runText(record: RunRecord): string[] {
  const {head} = runView(record, LIMITS);
  const plant = head.plant === undefined ? '' : `, with the planted defect ${head.plant}`;
  const lines = [
    `${head.scenario} seed ${head.seed}: ${head.verdict}${plant}`,
    `etcd ${head.releases.join(', ') || '(none)'}; ${counted(record.operations.length, 'operation')} (${head.okCount} ok, ${head.errorCount} refused, ${head.unknownCount} unknown), ${counted(head.eventCount, 'event')}, ${duration(head.simulatedUs)} of virtual time; digest ${head.digest}`,
  ];
  for (const finding of head.findings.slice(0, FINDINGS_SHOWN)) lines.push(findingLine(finding));
  const more = head.findings.length + head.hiddenFindingCount - FINDINGS_SHOWN;
  if (more > 0) lines.push(`… and ${counted(more, 'finding')} more`);
  const [first] = head.findings;
  if (first !== undefined && first.operations.length > 0) lines.push('', ...sketch(record, head, first));
  lines.push('', `again: ${head.reproduce}`);
  return lines;
}

function findingLine({check, kind, message, atUs, key}: FindingView): string {
  const where = [atUs === undefined ? '' : ` at ${exactSeconds(atUs)}`, key === undefined ? '' : `, key ${key}`].join(
    '',
  );
  return `${kind === 'violation' ? '✗' : '?'} ${check}${where}: ${message}`;
}

/** Operations around a finding as one bar a line, with the time above and what they are beside. */
function sketch(record: RunRecord, head: RunHead, finding: FindingView): string[] {
  const operations = [...record.operations].sort((a, b) => a.callUs - b.callUs || a.id - b.id);
  const steps = finding.orders[0]?.steps ?? [];
  const blocked = finding.operations[0];
  const chosen = new Set<number>([...finding.operations.slice(0, LINES_MAX / 2)]);
  for (let at = steps.length - 1; at >= 0 && chosen.size < LINES_MAX; at--) chosen.add(steps[at]?.operation ?? -1);
  const shown = [...chosen]
    .sort((a, b) => a - b)
    .map((index) => ({index, operation: operations[index]}))
    .filter((one): one is {index: number; operation: Operation} => one.operation !== undefined);
  const fromUs = Math.min(...shown.map(({operation}) => operation.callUs));
  const toUs = Math.max(...shown.map(({operation}) => operation.returnUs ?? operation.callUs + 1), fromUs + 1);
  const ruler = `${exactSeconds(fromUs)}${exactSeconds(toUs).padStart(SKETCH_WIDTH - exactSeconds(fromUs).length)}`;
  const numbers = new Map(
    steps.map(({operation}, index) => [operation, (finding.orders[0]?.hiddenCount ?? 0) + index + 1]),
  );
  const lines = [`around the first error:`, `  ${''.padEnd(10)}${ruler}`];
  for (const {index, operation} of shown) {
    const mark = index === blocked ? '✗' : String(numbers.get(index) ?? '');
    lines.push(`  ${`client ${operation.client}`.padEnd(10)}${bar(operation, fromUs, toUs)} ${mark.padStart(3)}`);
    lines.push(
      `  ${''.padEnd(10)}#${operation.id} ${describeRequest(operation.request, LIMITS)} → ${describeOutcome(operation, LIMITS)}`,
    );
  }
  const known = finding.orders[0]?.known;
  if (steps.length > 0 && blocked !== undefined) {
    lines.push(
      `the longest order found ends with ${numbers.get(steps.at(-1)?.operation ?? -1)}; #${operations[blocked]?.id} (✗) cannot come next${known ? `: then ${known}` : ''}`,
    );
  }
  for (const fault of head.faults) {
    if (fault.fromUs <= toUs && fault.toUs >= fromUs) lines.push(`meanwhile: ${describeFault(fault)}`);
  }
  return lines;
}

/** `|=====|` from call to return; `|~~~~?` where the effect is unknown, `|-----x` for an error without effect. */
function bar({callUs, returnUs, outcome}: Operation, fromUs: number, toUs: number): string {
  const column = (us: number) => Math.floor(((us - fromUs) * (SKETCH_WIDTH - 1)) / (toUs - fromUs));
  const start = column(callUs);
  const end = Math.min(
    SKETCH_WIDTH - 1,
    Math.max(start + 1, returnUs === undefined ? SKETCH_WIDTH - 1 : column(returnUs)),
  );
  const [fill, stop] =
    outcome.kind === 'ok'
      ? ['=', '|']
      : outcome.kind === 'open'
        ? ['~', '>']
        : outcome.effect === 'none'
          ? ['-', 'x']
          : ['~', '?'];
  return `${' '.repeat(start)}|${fill.repeat(Math.max(0, end - start - 1))}${stop}`
    .slice(0, SKETCH_WIDTH)
    .padEnd(SKETCH_WIDTH);
}
