// cli/data-dir-program.ts: `etcdsim data-dir …`, registered with the program.
import type {Command} from 'commander';

/** Wraps an action so that what it returns becomes the exit code. */
export type Exits = <A extends unknown[]>(
  act: (...given: A) => number | Promise<number>,
) => (...given: A) => Promise<void>;

/** Adds `data-dir` and what belongs to it. */
export function addDataDir(program: Command, exits: Exits): void {
  const dataDir = program.command('data-dir').description("look at, write and read real etcd's data directories");
  dataDir
    .command('inspect')
    .description('what is in a data directory, WAL directory, snapshot file or database')
    .argument('<path>', 'a data directory, a folder of WAL segments, a snapshot file, or a db file')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim data-dir inspect /var/lib/etcd')
    .action(
      exits(async (path: string, given: {json?: boolean}) =>
        (await import('./data-dir-inspect.ts')).dataDirInspectCommand(path, given),
      ),
    );
}
