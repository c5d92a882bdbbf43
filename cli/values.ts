// cli/values.ts: numbers, ranges and durations as people type them, checked. Every refusal names the option and what it takes.
import {InputError} from '../base/input-error.ts';

/** A seed: a whole number from 0 to 2^53 - 1. */
export function parseSeed(text: string, option = '--seed'): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InputError(`${option} ${text}: a seed is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  return value;
}

export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** `1..500`, or one seed. */
export function parseSeeds(text: string): SeedRange {
  const [from = '', to, rest] = text.split('..');
  if (rest !== undefined || from === '') throw new InputError(`--seeds ${text}: write it as 1..500`);
  const first = parseSeed(from, '--seeds');
  const last = to === undefined ? first : parseSeed(to, '--seeds');
  if (last < first) throw new InputError(`--seeds ${text}: the last seed is below the first`);
  return {first, last};
}

/** A whole number from min to max. */
export function parseCount(text: string, option: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InputError(`${option} ${text}: takes a whole number from ${min} to ${max}`);
  }
  return value;
}

const UNIT_US: Readonly<Record<string, number>> = {us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000};

/** `500ms`, `60s`, `10m` in microseconds. */
export function parseDurationUs(text: string, option: string): number {
  const match = /^(\d+)(us|ms|s|m|h)$/.exec(text);
  const value = Number(match?.[1]) * (UNIT_US[match?.[2] ?? ''] ?? Number.NaN);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new InputError(`${option} ${text}: takes a duration such as 500ms, 60s or 10m`);
  }
  return value;
}
