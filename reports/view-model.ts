// reports/view-model.ts: run record -> what a page needs, once. Pure: no clock, no ids but the record's own.
// Promise: equal records and limits give equal views; a record without operations, members or timeline gives a view as well.
import {describeBytes} from '../base/byte-string.ts';
import type {Operation} from '../history/operation.ts';
import type {RunRecord} from '../history/run-record.ts';
import {describeOutcome, describeRequest, FULL_TEXT, KINDS, kindOf, type TextLimits} from './describe.ts';
import {findingViews} from './finding-view.ts';
import {KeyIndex} from './key-index.ts';
import {packRows} from './lanes.ts';
import {summarizePlan} from './plan-summary.ts';
import {reproduceLine} from './reproduce.ts';
import {faultBands, memberLane, orderedTimeline, phaseBands} from './timeline-view.ts';
import type {ClientLane, OperationColumns, RunHead, RunView} from './view-types.ts';
import {OUTCOMES} from './view-types.ts';

/** Findings with all their evidence at most; a record with more says so. */
const FINDING_COUNT_MAX = 200;

/** The view of a record; texts are cut at `limits`, those of the operations a finding names at FULL_TEXT. */
export function runView(record: RunRecord, limits: TextLimits = FULL_TEXT): RunView {
  const operations = [...record.operations].sort((a, b) => a.callUs - b.callUs || a.id - b.id);
  const endUs = endOf(record);
  const timeline = orderedTimeline(record.timeline);
  const {faults, rowCount: faultRowCount} = faultBands(timeline, record.members, endUs);
  const keyIndex = new KeyIndex(operations);
  const {clients, rows, rowCount, clientOf} = clientLanes(operations, endUs);
  const findings = findingViews(record.findings.slice(0, FINDING_COUNT_MAX), operations, {keys: keyIndex.keys, endUs});
  const head: RunHead = {
    title: `${record.scenario} seed ${record.seed}: ${record.verdict}`,
    scenario: record.scenario,
    seed: record.seed,
    verdict: record.verdict,
    digest: record.digest,
    codeVersion: record.codeVersion,
    plant: record.plant,
    releases: record.releases,
    reproduce: reproduceLine(record),
    planSummary: summarizePlan(record.plan),
    plan: record.plan,
    endUs,
    simulatedUs: record.statistics.simulatedUs,
    eventCount: record.statistics.eventCount,
    okCount: record.statistics.operationOkCount,
    unknownCount: record.statistics.operationUnknownCount,
    errorCount: operations.filter(({outcome}) => outcome.kind === 'error' && outcome.effect === 'none').length,
    marks: Object.entries(record.statistics.marks).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    findings,
    hiddenFindingCount: Math.max(0, record.findings.length - FINDING_COUNT_MAX),
    phases: phaseBands(timeline, endUs),
    faults,
    faultRowCount,
    members: record.members.map((name) => memberLane(name, timeline, endUs)),
    clients,
    rowCount,
    keys: keyIndex.keys.map(describeBytes),
    keySets: keyIndex.sets,
    valueSizeMax: limits === FULL_TEXT ? 0 : limits.valueSizeMax,
  };
  const evidence = new Set(findings.flatMap((finding) => finding.operations));
  const texts = operations.map((operation, index) => textOf(operation, evidence.has(index) ? FULL_TEXT : limits));
  return {head, operations: columnsOf(operations, {rows, clientOf, keyIndex, members: record.members}), texts};
}

/** The last moment that anything in the record names; at least 1, so that a scale has a width. */
function endOf({operations, timeline, statistics}: RunRecord): number {
  let endUs = Math.max(1, statistics.simulatedUs);
  for (const {callUs, returnUs = callUs} of operations) endUs = Math.max(endUs, returnUs);
  for (const event of timeline) {
    endUs = Math.max(endUs, event.kind === 'fault' ? (event.untilUs ?? event.atUs) : event.atUs);
  }
  return endUs;
}

function textOf(operation: Operation, limits: TextLimits): string {
  return `${describeRequest(operation.request, limits)}\t${describeOutcome(operation, limits)}`;
}

/** Lanes by client number. A client with two open operations gets a second row, so that no bar hides another. */
function clientLanes(operations: readonly Operation[], endUs: number) {
  const byClient = new Map<number, number[]>();
  for (const [index, {client}] of operations.entries()) {
    const own = byClient.get(client);
    if (own === undefined) byClient.set(client, [index]);
    else own.push(index);
  }
  const clients: ClientLane[] = [];
  const rows = new Array<number>(operations.length).fill(0);
  const clientOf = new Array<number>(operations.length).fill(0);
  let rowCount = 0;
  for (const client of [...byClient.keys()].sort((a, b) => a - b)) {
    const own = byClient.get(client) ?? [];
    const packing = packRows(
      own.map((index) => {
        const {callUs = 0, returnUs = endUs} = operations[index] ?? {};
        return {fromUs: callUs, toUs: returnUs};
      }),
    );
    for (const [at, index] of own.entries()) {
      rows[index] = rowCount + (packing.rows[at] ?? 0);
      clientOf[index] = clients.length;
    }
    clients.push({client, firstRow: rowCount, rowCount: packing.rowCount, operationCount: own.length});
    rowCount += packing.rowCount;
  }
  return {clients, rows, rowCount, clientOf};
}

interface ColumnSources {
  readonly rows: readonly number[];
  readonly clientOf: readonly number[];
  readonly keyIndex: KeyIndex;
  readonly members: readonly string[];
}

function columnsOf(operations: readonly Operation[], sources: ColumnSources): OperationColumns {
  const {rows, clientOf, keyIndex, members} = sources;
  return {
    count: operations.length,
    id: operations.map(({id}) => id),
    callUs: operations.map(({callUs}) => callUs),
    returnUs: operations.map(({returnUs}) => returnUs ?? -1),
    row: rows,
    client: clientOf,
    kind: operations.map(({request}) => KINDS.indexOf(kindOf(request))),
    outcome: operations.map((operation) => OUTCOMES.indexOf(outcomeOf(operation))),
    serializable: operations.map(({request}) => (request.serializable ? 1 : 0)),
    keySet: operations.map(({request}) => keyIndex.setOf(request)),
    revision: operations.map(({outcome}) => (outcome.kind === 'ok' ? outcome.response.revision : 0)),
    member: operations.map(({outcome}) => (outcome.kind === 'ok' ? 1 + members.indexOf(outcome.response.member) : 0)),
  };
}

function outcomeOf({outcome}: Operation): (typeof OUTCOMES)[number] {
  if (outcome.kind !== 'error') return outcome.kind;
  return outcome.effect === 'none' ? 'error' : 'unknown';
}
