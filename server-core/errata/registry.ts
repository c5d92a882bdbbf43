// server-core/errata/registry.ts: the known bugs, and which of them a release has.
import type {Erratum} from './erratum.ts';
import {isIn} from './erratum.ts';
import {issue13766} from './issue-13766.ts';
import {issue14370} from './issue-14370.ts';
import {issue14685} from './issue-14685.ts';
import {issue15271} from './issue-15271.ts';
import {issue17780} from './issue-17780.ts';
import {issue18089} from './issue-18089.ts';
import {issue18667} from './issue-18667.ts';
import {issue19557} from './issue-19557.ts';
import {issue20221Events} from './issue-20221-events.ts';
import {issue20418} from './issue-20418.ts';

const BY_ID = Object.freeze({
  '14370': issue14370,
  '13766': issue13766,
  '14685': issue14685,
  '15271': issue15271,
  '17780': issue17780,
  '18089': issue18089,
  '18667': issue18667,
  '20221-events': issue20221Events,
  '20418': issue20418,
  '19557': issue19557,
});

export type ErratumId = keyof typeof BY_ID;

/** All of them, as lists show them. */
export const ERRATA: readonly (Erratum & {readonly id: ErratumId})[] = Object.freeze([
  issue13766,
  issue14370,
  issue14685,
  issue15271,
  issue17780,
  issue18089,
  issue18667,
  issue19557,
  issue20221Events,
  issue20418,
]);

/** The bug of that id. */
export function erratumOf(id: ErratumId): Erratum {
  return BY_ID[id];
}

/** Is there a bug of that id? */
export function isErratumId(id: string): id is ErratumId {
  return Object.hasOwn(BY_ID, id);
}

/** Does the release have the bug? */
export function isAffected(id: ErratumId, release: string): boolean {
  return isIn(BY_ID[id].ranges, release);
}
