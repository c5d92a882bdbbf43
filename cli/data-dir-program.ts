// cli/data-dir-program.ts: `etcdsim data-dir …`, registered with the program.
import type {Command} from 'commander';
import {Option} from 'commander';
import type {ExportArguments} from './data-dir-export.ts';
import type {ImportArguments} from './data-dir-import.ts';
import type {InspectArguments} from './data-dir-inspect.ts';

/** Wraps an action so that what it returns becomes the exit code. */
export type Exits = <A extends unknown[]>(
  act: (...given: A) => number | Promise<number>,
) => (...given: A) => Promise<void>;

/** Adds `data-dir` and what belongs to it. */
export function addDataDir(program: Command, exits: Exits): void {
  const dataDir = program.command('data-dir').description("look at, write and read real etcd's data directories");
  dataDir
    .command('inspect')
    .description('what is in a data directory, WAL directory, snapshot file, database or .snap file')
    .argument(
      '<path>',
      'a data directory, a folder of WAL segments or one of them, a snapshot file, a db file, or a .snap file',
    )
    .option('--full', 'long keys and values of logged requests as a whole')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim data-dir inspect /var/lib/etcd')
    .action(
      exits(async (path: string, given: InspectArguments) =>
        (await import('./data-dir-inspect.ts')).dataDirInspectCommand(path, given),
      ),
    );
  dataDir
    .command('export')
    .description("write what a member of a run has on its disk as a real etcd's data directory")
    .argument('<run.json>')
    .argument('<dir>', 'a folder that is empty or not there')
    .option('--member <name>', 'whose disk', 'm1')
    .option('--at <time>', 'virtual time since the start, as in 12s (default: the end of the run)')
    .addOption(new Option('--crash <how>', 'what the member dies of').choices(['kill', 'power']).default('kill'))
    .addHelpText('after', '\nExample: etcdsim data-dir export etcdsim-out/healthy-1/run.json /tmp/m1 --member m1')
    .action(
      exits(async (path: string, folder: string, given: ExportArguments) =>
        (await import('./data-dir-export.ts')).dataDirExportCommand(path, folder, given),
      ),
    );
  dataDir
    .command('import')
    .description('start simulated members on what a real etcd wrote, and tell what they serve')
    .argument('<path...>', 'a snapshot file or a database, or the data directories of the members of a cluster')
    .option('--release <x.y.z>', 'release the members play (default: by the cluster version)')
    .option('--members <n>', 'members of the cluster that a snapshot is restored for (default: 1)')
    .option('--token <text>', 'token of the cluster that a snapshot is restored for (default: etcd-cluster)')
    .option('--seed <n>', 'seed of the world', '1')
    .option('--out <dir>', 'write what the members have on their disks then as real data directories')
    .option('--skip-hash-check', 'take a database that has no checksum behind it')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim data-dir import backup.db --members 3')
    .action(
      exits(async (paths: string[], given: ImportArguments) =>
        (await import('./data-dir-import.ts')).dataDirImportCommand(paths, given),
      ),
    );
}
