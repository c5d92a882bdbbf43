// cli/errata-program.ts: `etcdsim errata` and what is below it, as the command line knows it.
import type {Command} from 'commander';

type Exits = <A extends unknown[]>(act: (...given: A) => number | Promise<number>) => (...given: A) => Promise<void>;

/** Adds the command. */
export function addErrata(program: Command, exits: Exits): void {
  const errata = program
    .command('errata')
    .description('known bugs of etcd: list them, tell one, find it, verify its releases')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim errata find 15271 --release 3.5.7')
    .action(exits(async (given) => (await import('./errata-list.ts')).errataCommand(given)));
  errata
    .command('show')
    .description('the story of one bug')
    .argument('<id>')
    .option('--json', 'one JSON document on standard output')
    .action(
      exits(async (id: string, _given, command: Command) =>
        (await import('./errata-list.ts')).errataShowCommand(id, command.optsWithGlobals()),
      ),
    );
  errata
    .command('find')
    .description('search seeds for one bug; exit code 1 when it is found')
    .argument('<id>')
    .option('--release <x.y.z>', 'the release to search (default: the newest that has it)')
    .option('--seeds <a..b>', 'seeds to try', '1..1000')
    .option('--json', 'one JSON document on standard output')
    .action(
      exits(async (id: string, _given, command: Command) =>
        (await import('./errata-find.ts')).errataFindCommand(id, command.optsWithGlobals()),
      ),
    );
  errata
    .command('verify')
    .description('found in the last release that has it and absent in the first that has not, in every minor')
    .argument('[id...]')
    .option('--all', 'every known bug')
    .option('--seeds <a..b>', 'seeds to try', '1..1000')
    .option('--write', 'write docs/track-record.md')
    .option('--json', 'one JSON document on standard output')
    .action(
      exits(async (ids: string[], _given, command: Command) =>
        (await import('./errata-verify.ts')).errataVerifyCommand(ids, command.optsWithGlobals()),
      ),
    );
}
