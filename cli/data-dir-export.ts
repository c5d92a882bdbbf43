// cli/data-dir-export.ts: `etcdsim data-dir export <run.json> <dir>`: what a member of a run has on its disk, as a real data directory.
// The plan is run again. The member is killed first, so the directory is what `kill -9` (or, if wanted, a power cut) leaves: what
// the process had not written is not in it, and etcd has to recover as after any crash.
import {InputError} from '../base/input-error.ts';
import {decodeRunRecord} from '../history/run-record.ts';
import {parsePlan} from '../scenarios/plan.ts';
import {runPlan} from '../scenarios/run.ts';
import type {World} from '../sim/world.ts';
import {memberFiles, requireEmpty, writeDataFiles} from './data-dir-files.ts';
import {EXIT_OK} from './exit-code.ts';
import {readText} from './files.ts';
import {parseDurationUs} from './values.ts';

export interface ExportArguments {
  readonly member: string;
  /** Virtual time since the start, as in 12s; the end of the run when not given. */
  readonly at?: string;
  readonly crash: string;
}

/** Where a simulated member keeps its data. */
const DATA_DIR = '/etcd';

/** Writes the directory; returns the exit code. */
export function dataDirExportCommand(path: string, folder: string, {member, at, crash}: ExportArguments): number {
  requireEmpty(folder);
  const recorded = decodeRunRecord(readText(path), path);
  const plan = parsePlan(recorded.plan, path);
  if (!recorded.members.includes(member))
    throw new InputError(`--member ${member}: the run has ${recorded.members.join(', ')}`);
  const {seed, plant} = recorded;
  const options = {seed, plant, overrides: recorded.overrides ?? []};
  const atUs = at === undefined ? undefined : parseDurationUs(at, '--at');
  const untilEvent = atUs === undefined ? undefined : lastEventBefore(atUs, runPlan(plan, {...options, traced: true}));
  let files: Map<string, Uint8Array> | undefined;
  let endUs = 0;
  const {record} = runPlan(plan, {
    ...options,
    untilEvent,
    inspect: (world) => {
      endUs = world.nowUs;
      files = filesOf(world, member, crash === 'power');
    },
  });
  if (files === undefined || files.size === 0) throw new InputError(`${member} has no data on its disk at that time`);
  writeDataFiles(folder, files);
  const [release = plan.cluster.release] = record.releases;
  const after = crash === 'power' ? 'a power cut' : 'kill -9';
  console.log(
    `${folder}: ${member} of ${recorded.scenario} seed ${seed} after ${after} at ${seconds(endUs)}, ${files.size} files`,
  );
  console.log(
    `start it with etcd ${release}: etcd --name ${member} --data-dir ${folder}${loneFlag(record.members.length)}`,
  );
  return EXIT_OK;
}

/** Alone, a member of several has no quorum. */
const loneFlag = (memberCount: number): string => (memberCount > 1 ? ' --force-new-cluster' : '');

const seconds = (us: number): string => `${Math.floor(us / 1_000_000)}.${String(us % 1_000_000).padStart(6, '0')} s`;

/** The last traced event at or before that time: nothing happens to a disk without one. */
function lastEventBefore(atUs: number, {trace, record}: ReturnType<typeof runPlan>): number {
  const {simulatedUs} = record.statistics;
  if (atUs > simulatedUs) throw new InputError(`--at: the run ends at ${seconds(simulatedUs)}`);
  const line = trace.findLast((one) => one.atUs <= atUs);
  if (line === undefined || line.event === 0) throw new InputError('--at: nothing has happened by then');
  return line.event;
}

/** The member's files as its next process would find them, by their paths below the data directory. */
function filesOf(world: World, member: string, isPowerCut: boolean): Map<string, Uint8Array> {
  const machine = world.machine(member);
  if (isPowerCut) machine.powerOff();
  else if (machine.process !== undefined) machine.kill();
  return memberFiles(machine, DATA_DIR);
}
