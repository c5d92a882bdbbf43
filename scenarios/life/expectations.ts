// scenarios/life/expectations.ts: what an operator looks at between two steps, as the upgrade guides say: the health of each endpoint, then
// versions and the cluster's version, then that all members tell the same member list. Asked over the network, never from inside.
// Each look gives the first thing that is missing, as text; undefined: all is as it should be.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {MemberMessage} from '../../server-core/etcdserverpb/cluster-messages.ts';
import {compareReleases, minorOf, releaseOf} from '../../server-core/release/release.ts';
import type {Member} from '../members.ts';
import {curl, listMembers, peerUrl} from './operator-tools.ts';

/** A downgrade job as the operator has asked for it: the target's minor, `3.5`; undefined: none. */
export type Job = string | undefined;

/** What /version tells. `storage` is absent before 3.6. */
export interface Versions {
  readonly server: string;
  readonly cluster: string;
  readonly storage: string | undefined;
}

/** Members that are part of the cluster, some of which the operator may hold down. */
export type Cluster = readonly Member[];

/** The lowest minor among the members, as the cluster's version is written; with a job, its target. */
export function clusterVersionWanted(cluster: Cluster, job: Job): string {
  if (job !== undefined) return `${job}.0`;
  const releases = cluster.map(({release}) => releaseOf(release)).sort(compareReleases);
  const lowest = releases[0];
  return lowest === undefined ? '' : `${lowest.major}.${lowest.minor}.0`;
}

/** GET /version of one member. */
export function* versionsOf(env: Env, member: string): Fiber<Versions | undefined> {
  const answer = yield* curl(env, member, '/version');
  if (answer?.status !== 200) return undefined;
  const json = JSON.parse(answer.body) as {etcdserver?: string; etcdcluster?: string; storage?: string};
  return {server: json.etcdserver ?? '', cluster: json.etcdcluster ?? '', storage: json.storage};
}

/** etcdctl endpoint health, for every voter that is wanted up; a learner answers no linearizable read. */
export function* missingHealth(env: Env, cluster: Cluster): Fiber<string | undefined> {
  for (const {name} of cluster.filter((member) => member.isWanted && member.standing === 'voter')) {
    const health = yield* curl(env, name, '/health');
    if (health === undefined) return `${name} does not answer /health`;
    if (health.status !== 200 || !/"health": ?"true"/.test(health.body)) {
      return `${name} answers /health with ${health.status} ${health.body.trim()}`;
    }
  }
  return undefined;
}

/** Does every member that is wanted up run the binary that was put there? */
export function* missingReleases(env: Env, cluster: Cluster): Fiber<string | undefined> {
  for (const {name, release} of cluster.filter(({isWanted}) => isWanted)) {
    const versions = yield* versionsOf(env, name);
    if (versions === undefined) return `${name} does not answer /version`;
    if (versions.server !== release) return `${name} says it is ${versions.server}, and ${release} was started`;
  }
  return undefined;
}

/** Is the cluster's version the same everywhere, and the one that its members' releases call for? */
export function* missingClusterVersion(env: Env, cluster: Cluster, wanted: string): Fiber<string | undefined> {
  for (const {name} of cluster.filter(({isWanted}) => isWanted)) {
    const versions = yield* versionsOf(env, name);
    if (versions?.cluster !== wanted) {
      return `${name} says the cluster's version is ${versions?.cluster ?? 'unknown'}; ${wanted} is right`;
    }
  }
  return undefined;
}

/** Has every member moved its store to that version, so that the older binary may be started on it? */
export function* missingStorageVersion(env: Env, cluster: Cluster, wanted: string): Fiber<string | undefined> {
  for (const {name} of cluster.filter(({isWanted}) => isWanted)) {
    const versions = yield* versionsOf(env, name);
    if (versions === undefined) return `${name} does not answer /version`;
    // An older binary tells none: it was swapped already.
    if (versions.storage !== undefined && versions.storage !== wanted) {
      return `${name} says its storage version is ${versions.storage}; ${wanted} is wanted`;
    }
  }
  return undefined;
}

/** Do all voters list the same members, and those that the operator knows of? */
export function* missingMembers(env: Env, cluster: Cluster): Fiber<string | undefined> {
  const wanted = cluster.map(({name, standing}) => `${name} ${peerUrl(name)} ${standing}`).sort();
  let first: {readonly name: string; readonly ids: string} | undefined;
  for (const {name} of cluster.filter((member) => member.isWanted && member.standing === 'voter')) {
    const listed = yield* listMembers(env, [name]);
    if (typeof listed === 'string') return `${name} does not list the members: ${listed}`;
    const seen = listed.map(describeMember).sort();
    if (seen.join() !== wanted.join()) return `${name} lists ${seen.join(', ')}; there are ${wanted.join(', ')}`;
    const ids = listed
      .map(({id}) => id)
      .sort()
      .join();
    if (first !== undefined && first.ids !== ids) return `${name} and ${first.name} list members by other ids`;
    first ??= {name, ids};
  }
  return undefined;
}

const describeMember = ({name, peerUrls, isLearner}: MemberMessage): string =>
  `${name} ${peerUrls.join(' ')} ${isLearner ? 'learner' : 'voter'}`;

/** `3.5.0` -> `3.5`. */
export const minorText = (version: string): string => minorOf(version);
