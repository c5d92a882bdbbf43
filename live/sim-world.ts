// live/sim-world.ts: the simulated cluster as a World. Its time moves only when it is told to.
// Whatever is thrown inside is the end of that world and a finding about it, not a failure of the comparison: see WorldDied.
import {LockstepCluster} from '../scenarios/lockstep.ts';
import type {MemberAddress, Reply, World} from './world.ts';
import {WorldDied} from './world.ts';

export interface SimWorldOptions {
  readonly release: string;
  readonly members: readonly MemberAddress[];
  readonly clusterToken: string;
  readonly seed: number;
}

/** Cheap password hashes: what they are compared for is whether they fit. */
const BCRYPT_COST = 4;

/** Starts a simulated cluster and returns when it is up. */
export function simWorld({release, members, clusterToken, seed}: SimWorldOptions): World {
  const name = 'simulated';
  const guarded = <T>(act: () => T): T => {
    try {
      return act();
    } catch (thrown) {
      throw new WorldDied(name, thrown instanceof Error ? thrown.message : String(thrown), {cause: thrown});
    }
  };
  const cluster = guarded(
    () => new LockstepCluster({release, members, clusterToken, seed, options: {bcryptCost: BCRYPT_COST}}),
  );
  const startedUs = cluster.nowUs;
  return {
    name,
    members,
    freeTime: true,
    call: async (member, path, request, metadata): Promise<Reply> =>
      guarded(() => cluster.call(member, path, request, metadata)) ?? {kind: 'silence'},
    begin: (member, path, request, metadata) => guarded(() => cluster.begin(member, path, request, metadata)),
    openStream(member, path, metadata) {
      const stream = guarded(() => cluster.openStream(member, path, metadata));
      return {
        received: stream.received,
        send: (request) => guarded(() => stream.send(request)),
        closeSend: () => guarded(() => stream.closeSend()),
        cancel: () => guarded(() => stream.cancel()),
      };
    },
    http: async (member, port, path) => guarded(() => cluster.http(member, port, 'GET', path)),
    async sleep(ms) {
      guarded(() => cluster.advance(Math.ceil(ms * 1000)));
    },
    nowMs: () => (cluster.nowUs - startedUs) / 1000,
    close: async () => undefined,
  };
}
