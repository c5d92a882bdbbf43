// live/generator/features.ts: which features a plan may use, from the release and the size of the cluster.
import type {Features} from './arbitraries.ts';

/** Major and minor of a release such as 3.5.16. */
function minorOf(release: string): number {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major * 1000 + minor;
}

/** Every other seed leaves the drawing of lease ids to the servers: see Features.drawnIds. */
export function featuresOf(release: string, memberCount: number, seed: number): Features {
  const since34 = minorOf(release) >= 3004;
  return {
    memberCount,
    learners: since34,
    refusesEmptyRole: since34,
    refusesEmptyOps: minorOf(release) >= 3002,
    refusesEmptyUser: minorOf(release) >= 3001,
    drawnIds: seed % 2 === 1,
  };
}

/** What servers of all these releases survive: a comparison of two that differ must not end with the death of one. */
export function commonFeatures(releases: readonly string[], memberCount: number, seed: number): Features {
  const all = releases.map((release) => featuresOf(release, memberCount, seed));
  const everywhere = (has: (features: Features) => boolean): boolean => all.every(has);
  return {
    memberCount,
    learners: everywhere(({learners}) => learners),
    refusesEmptyRole: everywhere(({refusesEmptyRole}) => refusesEmptyRole),
    refusesEmptyOps: everywhere(({refusesEmptyOps}) => refusesEmptyOps),
    refusesEmptyUser: everywhere(({refusesEmptyUser}) => refusesEmptyUser),
    drawnIds: everywhere(({drawnIds}) => drawnIds),
  };
}
