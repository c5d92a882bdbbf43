// server-core/auth/go-duration.ts: durations as Go's time.ParseDuration reads them: `300s`, `1h30m`, `-1.5h`, `0`.

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const DURATION_MAX_NS = 9_223_372_036_854_775_807n;

/** Microseconds, rounded toward zero; undefined for what Go refuses. */
export function parseGoDuration(text: string): number | undefined {
  const isNegative = text.startsWith('-');
  const body = isNegative || text.startsWith('+') ? text.slice(1) : text;
  if (body === '0') return 0;
  if (body === '') return undefined;
  let totalNs = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < body.length) {
    const match = PART.exec(body);
    if (match === null) return undefined;
    const [, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') return undefined;
    const unitNs = UNIT_NS[unit] ?? 0n;
    totalNs += BigInt(whole === '' ? '0' : whole) * unitNs;
    if (fraction !== '') totalNs += (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length);
    if (totalNs > DURATION_MAX_NS) return undefined;
  }
  const us = Number(totalNs / 1_000n);
  return isNegative ? -us : us;
}
