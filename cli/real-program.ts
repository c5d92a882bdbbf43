// cli/real-program.ts: `etcdsim real` and what is below it, as the command line knows it.
import type {Command} from 'commander';
import type {RealRunGiven} from './real-run-command.ts';
import type {RealUpgradeGiven} from './real-upgrade-command.ts';

type Exits = <A extends unknown[]>(act: (...given: A) => number | Promise<number>) => (...given: A) => Promise<void>;

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** Adds the command. */
export function addReal(program: Command, exits: Exits): void {
  const real = program.command('real').description('the same with real etcd binaries, and simulated, step by step');
  options(
    real
      .command('rolling-upgrade')
      .description(
        'upgrade a cluster member by member through real releases; exit code 1 when the simulated one differs',
      )
      .addHelpText(
        'after',
        '\nExample: etcdsim real rolling-upgrade --etcd 3.4.23=real/3.4.23 --etcd 3.5.16=real/3.5.16',
      ),
    'the oldest first',
  ).action(
    exits(async (given: RealUpgradeGiven) => (await import('./real-upgrade-command.ts')).realUpgradeCommand(given)),
  );
  options(
    real
      .command('rolling-downgrade')
      .description(
        'take a cluster down again by a downgrade job, from 3.6 on; exit code 1 when the simulated one differs',
      )
      .addHelpText(
        'after',
        '\nExample: etcdsim real rolling-downgrade --etcd 3.6.0=real/3.6.0 --etcd 3.5.16=real/3.5.16',
      ),
    'the newest first',
  ).action(
    exits(async (given: RealUpgradeGiven) => (await import('./real-upgrade-command.ts')).realDowngradeCommand(given)),
  );
  real
    .command('run')
    .description(
      'take a cluster through the steps of a plan of `etcdsim run --plan`; exit code 1 when the simulated one differs',
    )
    .addHelpText('after', '\nExample: etcdsim real run --plan plan.json --etcd 3.5.16=real/3.5.16')
    .option('--plan <file>', 'the plan; kills are the only faults that it may have')
    .option('--etcd <x.y.z=path>', 'a release of the plan and its binary; once for each release', collect, [])
    .option('--seed <n>', 'traffic and simulation (default: drawn, and printed)')
    .option('--json', 'one JSON document on standard output')
    .action(exits(async (given: RealRunGiven) => (await import('./real-run-command.ts')).realRunCommand(given)));
}

/** What both commands take. */
function options(command: Command, order: string): Command {
  return command
    .option('--etcd <x.y.z=path>', `a release and its binary; once for each release, ${order}`, collect, [])
    .option('--members <1|3|5>', 'members of both clusters', '3')
    .option('--seed <n>', 'order of members, traffic and simulation (default: drawn, and printed)')
    .option('--kill', 'members are killed for their new binary, not stopped')
    .option('--json', 'one JSON document on standard output');
}
