// What is exported of a run is a sound data directory: what the member had on its disk, at the end or at a time, after a kill or a power cut.
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {encodeRunRecord} from '../history/run-record.ts';
import {runScenario} from '../scenarios/run-scenario.ts';
import {inspectFiles} from '../server-core/datadir/inspect.ts';
import {dataDirExportCommand} from './data-dir-export.ts';
import {readDataFiles} from './data-dir-files.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'etcdsim-export-'));
});
afterEach(() => {
  rmSync(folder, {recursive: true});
});

const RECORD = runScenario('healthy', {seed: 3});

interface Given {
  readonly member?: string;
  readonly at?: string;
  readonly crash?: string;
}

let count = 0;

/** Exports, and reads what was written. */
function exported({member = 'm1', at, crash = 'kill'}: Given) {
  const run = join(folder, 'run.json');
  writeFileSync(run, encodeRunRecord(RECORD));
  const target = join(folder, `d${count++}`);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    expect(dataDirExportCommand(run, target, {member, crash, ...(at === undefined ? {} : {at})})).toBe(0);
  } finally {
    log.mockRestore();
  }
  const {root, files} = readDataFiles(target);
  return {
    paths: [...files.keys()].map((path) => path.slice(target.length + 1)),
    ...inspectFiles(files, 'data-dir', root),
  };
}

test('the end of a run: every write that was answered is in the log of each member', () => {
  const revisions = RECORD.operations.map(({outcome}) => (outcome.kind === 'ok' ? outcome.response.revision : 0));
  const newest = Math.max(...revisions);
  for (const member of RECORD.members) {
    const {paths, damages, db, wal} = exported({member});
    expect(damages).toEqual([]);
    expect(paths).toContain('member/snap/db');
    expect(paths.some((path) => /^member\/wal\/[01]\.tmp$/.test(path))).toBe(true);
    const last = wal?.entries.at(-1)?.entry.index ?? 0;
    expect(last).toBeGreaterThanOrEqual(wal?.hardState.commit ?? 0);
    // The commit index waits for no fsync and may be older than what the database holds; the entries may not.
    expect(last).toBeGreaterThanOrEqual(db?.content.consistentIndex ?? Number.POSITIVE_INFINITY);
    // The database lags by less than a batch, the log does not.
    const behind = last - (db?.content.consistentIndex ?? 0);
    expect((db?.status.revision ?? 0) + behind).toBeGreaterThanOrEqual(newest);
    expect(db?.content.members.map(({name}) => name).sort()).toEqual([...RECORD.members]);
  }
}, 30_000);

test('a time in the run, and a power cut, leave less; the same question has one answer', () => {
  const early = exported({at: '2s'});
  const late = exported({at: '4s'});
  const cut = exported({at: '4s', crash: 'power'});
  expect(early.damages).toEqual([]);
  expect(late.wal?.entries.length).toBeGreaterThan(early.wal?.entries.length ?? 0);
  expect(cut.wal?.entries.length).toBeLessThanOrEqual(late.wal?.entries.length ?? 0);
  expect(exported({at: '4s', crash: 'power'}).db).toEqual({...cut.db, file: expect.any(String)});
  // A power cut may tear the end, which a start mends; nothing else.
  expect(cut.damages.filter((damage) => damage !== cut.wal?.damage)).toEqual([]);
}, 30_000);

test('a folder with something in it is refused before the run is played again', () => {
  expect(() => dataDirExportCommand(join(folder, 'no-record'), folder, {member: 'm1', crash: 'kill'})).toThrow(
    'no-record',
  );
  writeFileSync(join(folder, 'x'), '');
  expect(() => dataDirExportCommand(join(folder, 'no-record'), folder, {member: 'm1', crash: 'kill'})).toThrow(
    `${folder}: is there and not an empty folder`,
  );
});

test('a member that is not there and a time that does not come are refused', () => {
  expect(() => exported({member: 'm9'})).toThrow('--member m9: the run has m1');
  expect(() => exported({at: '10h'})).toThrow('--at: the run ends at');
});
