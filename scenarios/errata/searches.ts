// scenarios/errata/searches.ts: the directed search of every known bug.
import type {ErratumId} from '../../server-core/errata/registry.ts';
import {search13766} from './issue-13766.ts';
import {search14370} from './issue-14370.ts';
import {search14685} from './issue-14685.ts';
import {search15271} from './issue-15271.ts';
import {search17780} from './issue-17780.ts';
import {search18089} from './issue-18089.ts';
import {search18667} from './issue-18667.ts';
import {search19557} from './issue-19557.ts';
import {search20221Events} from './issue-20221-events.ts';
import {search20418} from './issue-20418.ts';
import type {ErratumSearch} from './search.ts';

export const SEARCHES: Readonly<Record<ErratumId, ErratumSearch>> = Object.freeze({
  '13766': search13766,
  '14370': search14370,
  '14685': search14685,
  '15271': search15271,
  '17780': search17780,
  '18089': search18089,
  '18667': search18667,
  '19557': search19557,
  '20221-events': search20221Events,
  '20418': search20418,
});
