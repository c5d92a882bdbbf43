// checkers/cluster/member-deaths.ts: no member dies of what the cluster has committed, as long as its releases are documented to run together.
// Documented (version-rules 4, 12): minors beside each other, any patches. By design, and so no finding: a member below the cluster version
// refuses to run (2.5), 3.5 refuses a downgrade that does not lead to it, and 3.3 and older do not know learners (errata UM-14).
import type {ClusterLog} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {ClusterLife} from './cluster-life.ts';
import {describeMinor, MINOR_3_3, MINOR_3_5, minorOf} from './versions.ts';

/** One finding for each member and message. */
export function checkMemberDeaths({events, undocumented}: ClusterLog): Finding[] {
  if (undocumented !== undefined) return [];
  const findings: Finding[] = [];
  const life = new ClusterLife();
  const reported = new Set<string>();
  for (const event of events) {
    if (event.kind === 'down' && event.how === 'panic') {
      const {member, message = 'no message', entry, atUs} = event;
      const release = life.members.get(member)?.release;
      const key = `${member}/${message}`;
      if (release !== undefined && isSupported(life, release, message) && !reported.has(key)) {
        reported.add(key);
        const cause = entry === undefined ? 'died' : `died of the committed entry ${entry}`;
        const text = `${member} (${release}) ${cause} ${describeMix(life)}: ${message}`;
        findings.push({check: 'member-death', kind: 'violation', message: text, atUs});
      }
    }
    life.apply(event);
  }
  return findings;
}

function isSupported(life: ClusterLife, release: string, message: string): boolean {
  const own = minorOf(release);
  const minors = [own, ...life.listed().flatMap(({release: other}) => (other === undefined ? [] : [minorOf(other)]))];
  if (Math.max(...minors) - Math.min(...minors) > 1) return false;
  const {version, job} = life;
  if (version !== undefined && own < version) return false;
  if (own === MINOR_3_5 && job?.enabled === true && job.target !== own) return false;
  return own > MINOR_3_3 || !message.includes('ConfChange type');
}

function describeMix(life: ClusterLife): string {
  const releases = new Set(life.listed().map(({release}) => release ?? 'unstarted'));
  // A cluster that begins anew lists nobody until its first member has applied who it is.
  if (releases.size === 0) return 'before the cluster listed any member';
  const version = life.version === undefined ? 'undecided' : describeMinor(life.version);
  return `among ${[...releases].sort().join(', ')} at cluster version ${version}`;
}
