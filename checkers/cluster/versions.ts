// checkers/cluster/versions.ts: release numbers and cluster versions as numbers. Checkers read them for themselves, apart from server-core.
import {must} from '../../base/assert.ts';

/** Minors of one major in order: 3.5 is 305. Patches do not count where versions are compared (version-rules 1). */
export type Minor = number;

const VERSION = /^(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3})(?:-[0-9A-Za-z.-]+)?)?$/;

/** `3.5.16`, `3.5.0`, `3.5` to 305; undefined for anything else. */
export function parseMinor(text: string): Minor | undefined {
  const match = VERSION.exec(text);
  return match === null ? undefined : Number(match[1]) * 100 + Number(match[2]);
}

/** As parseMinor(), for what was checked where it was recorded. */
export function minorOf(text: string): Minor {
  return must(parseMinor(text), `not a version: ${text}`);
}

/** Is it written as etcd writes cluster and storage versions, `3.5.0`? */
export function isMinorVersion(text: string): boolean {
  return /^\d{1,2}\.\d{1,2}\.0$/.test(text);
}

/** `3.5`. */
export function describeMinor(minor: Minor): string {
  return `${Math.floor(minor / 100)}.${minor % 100}`;
}

export const MINOR_2_3: Minor = 203;
export const MINOR_3_0: Minor = 300;
export const MINOR_3_3: Minor = 303;
export const MINOR_3_5: Minor = 305;
export const MINOR_3_6: Minor = 306;
export const MINOR_3_7: Minor = 307;
