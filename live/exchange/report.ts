// live/exchange/report.ts: exchanges as rows of tables: how they ended, and how much was held against each other.
import type {ExchangeResult} from './exchange.ts';

const SHOWN_SIZE_MAX = 300;

export const OUTCOME_HEAD = ['release, direction', 'seeds', 'equal', 'different', 'first difference'] as const;
export const AMOUNT_HEAD = [
  'what was held against each other',
  'writes',
  'cut off',
  'keys',
  'revisions',
  'leases',
  'auth on',
  'alarms',
  'learners',
  '3 members',
  'power cuts',
] as const;

const rowKey = ({release, direction}: ExchangeResult): string => `${release}  ${direction}`;

/** One row for each release and direction, in the order of the results. */
export function outcomeRows(results: readonly ExchangeResult[]): string[][] {
  return [...Map.groupBy(results, rowKey)].map(([key, group]) => {
    const different = group.filter(({difference}) => difference !== undefined);
    const [first] = different;
    const shown = first === undefined ? '-' : `seed ${first.seed}: ${first.difference?.field}`;
    return [key, `${group.length}`, `${group.length - different.length}`, `${different.length}`, shown];
  });
}

/** Sums over the seeds: writes that were answered, calls that the crash cut off, and what was served afterwards. */
export function amountRows(results: readonly ExchangeResult[]): string[][] {
  return [...Map.groupBy(results, rowKey)].map(([key, group]) => {
    const sum = (count: (result: ExchangeResult) => number): string =>
      `${group.reduce((total, result) => total + count(result), 0)}`;
    return [
      key,
      sum(({calls}) => calls.ok),
      sum(({calls}) => calls.inFlight - calls.inFlightAnswered),
      sum(({served}) => served?.keys ?? 0),
      sum(({served}) => served?.revisions ?? 0),
      sum(({served}) => served?.leases ?? 0),
      sum(({served}) => (served?.authEnabled ? 1 : 0)),
      sum(({served}) => served?.alarms ?? 0),
      sum(({served}) => served?.learners ?? 0),
      sum(({memberCount}) => (memberCount === 3 ? 1 : 0)),
      sum(({crashes}) => (crashes.includes('power cut') ? 1 : 0)),
    ];
  });
}

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN_SIZE_MAX);

/** What differs in one exchange, and how to see it again. Nothing when it was equal. */
export function differenceLines({seed, release, direction, difference}: ExchangeResult, etcdFolder: string): string[] {
  if (difference === undefined) return [];
  const [writer] = direction.split(' ');
  return [
    '',
    `${release} ${direction} seed ${seed}: ${difference.field}`,
    `  real:      ${show(difference.real)}`,
    `  simulated: ${show(difference.simulated)}`,
    `  again: node tools/exchange.ts --etcd ${etcdFolder} --releases ${release} --direction ${writer} --seeds ${seed}`,
  ];
}
