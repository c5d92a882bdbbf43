// live/exchange/sim-members.ts: simulated members that start with or without data directories, and crash all at once.
import {LockstepCluster} from '../../scenarios/lockstep.ts';
import type {ClusterAddresses} from '../real/real-cluster.ts';
import type {Reply, World} from '../world.ts';
import {WorldDied} from '../world.ts';
import type {DataDir, DataDirs} from './data-files.ts';
import type {Crash} from './sequence.ts';

export interface SimMembersOptions extends ClusterAddresses {
  readonly release: string;
  readonly seed: number;
  readonly snapshotCount: number;
  /** Absent: the members found a new cluster. */
  readonly dataDirs?: DataDirs;
}

export interface SimMembers {
  readonly world: World;
  /** Ends every member, and gives what they have on their disks. Nothing can be asked of the world afterwards. */
  crash(crashes: readonly Crash[]): DataDirs;
}

const DATA_DIR = '/etcd/';
/** As the real ones are told: what passwords are compared for is whether they fit. */
const BCRYPT_COST = 4;
const NAME = 'simulated';

/** Starts the members; returns when they have a leader. Throws WorldDied. */
export function startSimMembers(options: SimMembersOptions): SimMembers {
  const {release, members, clusterToken, seed, snapshotCount, dataDirs} = options;
  const cluster = guarded(
    () =>
      new LockstepCluster({
        release,
        members,
        clusterToken,
        seed,
        options: {bcryptCost: BCRYPT_COST, snapshotCount},
        ...(dataDirs === undefined ? {} : {files: dataDirs}),
      }),
  );
  return {
    world: worldOf(cluster, options),
    crash(crashes) {
      const machines = members.map((_, index) => cluster.world.machine(`host${index + 1}`));
      for (const [index, machine] of machines.entries()) {
        if (crashes[index] === 'power cut') machine.powerOff();
        else machine.kill();
      }
      return new Map(
        members.map(({name}, index): [string, DataDir] => {
          const disk = machines[index]?.disk;
          const paths = (disk?.paths() ?? []).filter((path) => path.startsWith(DATA_DIR));
          return [name, new Map(paths.map((path) => [path.slice(DATA_DIR.length), disk?.peek(path) ?? EMPTY]))];
        }),
      );
    },
  };
}

const EMPTY = new Uint8Array(0);

/** Whatever is thrown inside is the end of that world and a finding about it. */
function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    throw new WorldDied(NAME, thrown instanceof Error ? thrown.message : String(thrown), {cause: thrown});
  }
}

function worldOf(cluster: LockstepCluster, {members}: SimMembersOptions): World {
  return {
    name: NAME,
    members,
    freeTime: true,
    call: async (member, path, request, metadata): Promise<Reply> =>
      guarded(() => cluster.call(member, path, request, metadata)) ?? {kind: 'silence'},
    begin: (member, path, request, metadata) => guarded(() => cluster.begin(member, path, request, metadata)),
    openStream: (member, path, metadata) => guarded(() => cluster.openStream(member, path, metadata)),
    http: async (member, port, path) => guarded(() => cluster.http(member, port, 'GET', path)),
    async sleep(ms) {
      guarded(() => cluster.advance(Math.ceil(ms * 1000)));
    },
    nowMs: () => cluster.nowUs / 1000,
    close: async () => undefined,
  };
}
