// scenarios/conditions.ts: the conditions of a plan's world as options of disks and links.
import type {DiskOptions} from '../sim/disk.ts';
import type {LinkOptions} from '../sim/link.ts';
import type {Plan} from './plan.ts';

/** How fast the members' disks are. */
export const diskOptionsOf = ({fsyncUsMin, fsyncUsSpread}: Plan['world']): Partial<DiskOptions> => ({
  syncUsMin: fsyncUsMin,
  syncUsMax: fsyncUsMin + fsyncUsSpread,
  slowSyncUsMax: Math.max(50_000, fsyncUsMin + fsyncUsSpread),
});

/** How fast and how lossy every link is. */
export const linkOptionsOf = (world: Plan['world']): Partial<LinkOptions> => ({
  latencyUsMin: world.linkLatencyUsMin,
  latencyUsSpread: world.linkLatencyUsSpread,
  lossOneIn: world.linkLossOneIn,
});
