// cli/errata-track-record.ts: docs/track-record.md as text: which known bugs are found where, with which seed, by which check.
import {CODE_VERSION} from '../base/code-version.ts';
import {ERRATA} from '../server-core/errata/registry.ts';
import type {BranchOutcome} from './errata-verify.ts';

/** The page of a whole verification. */
export function trackRecordPage(outcomes: readonly BranchOutcome[]): string {
  const seconds = outcomes.flatMap(({affected}) => (affected?.found === undefined ? [] : [affected.seconds]));
  const total = outcomes.reduce((sum, {affected, fixed}) => sum + (affected?.seconds ?? 0) + (fixed?.seconds ?? 0), 0);
  return [
    '# Track record',
    '',
    `Known bugs of etcd, the release and seed in which etcdsim ${CODE_VERSION} finds each, and the general check that speaks.`,
    'Written by `bin/etcdsim errata verify --all --write`; do not edit. For each minor the last release with the bug and the first',
    'without it are searched with the same seeds. Seconds are of wall time, over all seeds that were tried.',
    '',
    '| bug | what | release | seed | seconds | check | absent in |',
    '|---|---|---|---:|---:|---|---|',
    ...outcomes.map(row),
    '',
    `Found in ${seconds.length} affected releases, median ${median(seconds).toFixed(2)} s, slowest ${Math.max(0, ...seconds).toFixed(2)} s; the whole verification took ${total.toFixed(0)} s.`,
    '',
    'See one again: `bin/etcdsim errata find <bug> --release <release> --seeds <seed>`; its story: `bin/etcdsim errata show <bug>`.',
    '',
  ].join('\n');
}

function row({id, affected, fixed}: BranchOutcome): string {
  const title = ERRATA.find((erratum) => erratum.id === id)?.title ?? '';
  const found = affected?.found;
  const cells = [
    id,
    title,
    affected?.release ?? '-',
    affected === undefined ? '-' : found === undefined ? 'not found' : String(found.seed),
    affected === undefined ? '-' : affected.seconds.toFixed(2),
    found?.finding.check ?? '-',
    fixed === undefined
      ? '-'
      : `${fixed.release}${fixed.found === undefined ? ` (${fixed.tries} seeds)` : ': PRESENT'}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
