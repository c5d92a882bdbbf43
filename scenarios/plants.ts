// scenarios/plants.ts: deliberate defects, one at a time, that prove the checks can find what they look for.
import {InputError} from '../base/input-error.ts';
import type {ServerDefects} from '../server-core/server/config.ts';

export interface Plant {
  readonly name: string;
  /** What goes wrong, in a sentence. */
  readonly summary: string;
  /** The scenario that meets it best. */
  readonly scenario: string;
  readonly defects: ServerDefects;
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'ack-before-fsync',
    summary: 'the WAL tells raft that entries are stored before they are',
    scenario: 'power-loss',
    defects: {acknowledgeBeforeFsync: true},
  },
  {
    name: 'commit-without-quorum',
    summary: 'the leader commits what it alone has appended',
    scenario: 'partition-leader',
    defects: {commitWithoutQuorum: true},
  },
  {
    name: 'vote-twice',
    summary: 'a member votes for every candidate of a term',
    scenario: 'swarm',
    defects: {voteTwice: true},
  },
  {
    name: 'stale-read',
    summary: 'linearizable reads are served without asking a quorum',
    scenario: 'healthy',
    defects: {staleRead: true},
  },
  {
    name: 'apply-twice',
    summary: 'now and then an entry is applied a second time',
    scenario: 'healthy',
    defects: {applyTwiceOneIn: 200},
  },
  {
    name: 'skip-after-snapshot',
    summary: 'the first entry behind an installed snapshot is not applied',
    scenario: 'swarm',
    defects: {skipEntryAfterSnapshot: true},
  },
  {
    name: 'forget-hard-state',
    summary: 'term and vote are not read back at a restart',
    scenario: 'crash-restart',
    defects: {forgetHardState: true},
  },
  {
    name: 'lose-segment-tail',
    summary: 'the last write before a WAL segment is cut never reaches the disk',
    scenario: 'crash-restart',
    defects: {loseLastWriteOfSegment: true},
  },
];

/** The defect of that name, or an InputError that lists them. */
export function findPlant(name: string): Plant {
  const found = PLANTS.find((plant) => plant.name === name);
  if (found === undefined) {
    throw new InputError(`unknown plant '${name}'; there are ${PLANTS.map((plant) => plant.name).join(', ')}`);
  }
  return found;
}
