// live/upgrade/changes.ts: what an operator asks of a cluster: other members, another leader, compaction, defragmentation, downgrade jobs. What a
// cluster that has just changed refuses for a while is asked again; any other refusal is the outcome.
import type {StepOf} from '../../scenarios/life/steps.ts';
import type {Plain} from '../rpc/codec.ts';
import type {Etcdctl, ListedMember} from './etcdctl.ts';
import type {Standing} from './standing.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

export interface ChangesOptions {
  readonly world: UpgradeWorld;
  readonly ctl: Etcdctl;
  readonly standing: Standing;
  /** Lets clients go on for a moment. */
  readonly pass: () => Promise<void>;
}

interface ChangeOptions {
  readonly refused: string | undefined;
  /** Who is asked only when nobody else runs. */
  readonly leaving?: string | undefined;
  /** Who is asked; undefined: any. */
  readonly through?: string | undefined;
  readonly isDone?: (listed: readonly ListedMember[]) => boolean;
}

/** Membership changes are refused until the connections to all members have lasted for 5 s (etcdserver: HealthInterval). */
const CHANGE_MS_MAX = 30_000;
/** A removed member hears of it and ends of itself. */
const END_MS_MAX = 5_000;
/**
 * What is asked again: ErrUnhealthy; ErrLearnerNotReady: the learner lags behind the leader; and a leader that went. A change of members
 * that a new leader passes over gets no answer at all (raft: one at a time, and none before it has applied its log).
 */
const PASSING = [
  'no answer',
  'etcdserver: unhealthy cluster',
  'etcdserver: no leader',
  'etcdserver: leader changed',
  'etcdserver: request timed out',
  'raft proposal dropped',
  'etcdserver: can only promote a learner member which is in sync with leader',
];
const COMPACTED = 'mvcc: required revision has been compacted';
/** MoveLeader came with 3.3. */
const UNIMPLEMENTED = 'error 12: ';

export class Changes {
  /** Ids of members that were added, and words that stand for them. */
  readonly drawnIds = new Map<string, string>();
  private readonly options: ChangesOptions;

  constructor(options: ChangesOptions) {
    this.options = options;
  }

  /** The place of a member among the addresses. */
  private indexOf(name: string): number {
    return this.options.world.members.findIndex((member) => member.name === name);
  }

  private get serving(): readonly number[] {
    return this.options.standing.serving.map((name) => this.indexOf(name));
  }

  async add({member, release, learner, refused, through}: Omit<StepOf<'add'>, 'kind'>): Promise<string> {
    const {world, ctl, standing} = this.options;
    const peerURLs = [world.members[this.indexOf(member)]?.peerUrl ?? ''];
    const isDone = (listed: readonly ListedMember[]): boolean => this.listedIn(listed, member) !== undefined;
    const given = {refused, through, isDone};
    const outcome = await this.change('Cluster/MemberAdd', () => ({peerURLs, isLearner: learner}), given);
    if (outcome !== 'done') return outcome;
    // Who has answered has applied it. There may be no quorum any more until the new one runs.
    const listed = await ctl.members(this.indexOf(through ?? standing.serving[0] ?? ''), 'own');
    if (typeof listed === 'string') return listed;
    this.drawnIds.set(this.listedIn(listed, member)?.id ?? '', `(id of ${member})`);
    standing.add(member, release, learner);
    return 'done';
  }

  async promote({member, refused}: StepOf<'promote'>): Promise<string> {
    const isDone = (listed: readonly ListedMember[]): boolean => this.listedIn(listed, member)?.isLearner === false;
    const request = (listed: readonly ListedMember[]): Plain => ({ID: this.listedIn(listed, member)?.id ?? '0'});
    const outcome = await this.change('Cluster/MemberPromote', request, {refused, isDone});
    if (outcome !== 'done') return outcome;
    this.options.standing.learners.delete(member);
    return 'done';
  }

  /** The member's process, where it runs, is given time to end of itself. */
  async remove(member: string, refused?: string): Promise<string> {
    const {world, standing, pass} = this.options;
    const wasRunning = standing.running.has(member);
    const isDone = (listed: readonly ListedMember[]): boolean => this.listedIn(listed, member) === undefined;
    const request = (listed: readonly ListedMember[]): Plain => ({ID: this.listedIn(listed, member)?.id ?? '0'});
    const outcome = await this.change('Cluster/MemberRemove', request, {refused, leaving: member, isDone});
    if (outcome !== 'done') return outcome;
    standing.remove(member);
    const index = this.indexOf(member);
    const deadlineMs = world.nowMs() + END_MS_MAX;
    while (wasRunning && world.stateOf(index).kind === 'running' && world.nowMs() < deadlineMs) await pass();
    if (wasRunning) await world.kill(index);
    return 'done';
  }

  /** Who leads, waited for. */
  async leaderName(): Promise<string | undefined> {
    const {world, ctl, pass} = this.options;
    const deadlineMs = world.nowMs() + CHANGE_MS_MAX;
    for (;;) {
      const leader = await ctl.leader(this.serving);
      if (leader !== undefined) return world.members[leader]?.name;
      if (world.nowMs() > deadlineMs) return undefined;
      await pass();
    }
  }

  /** Asks the leader to hand over until it has. A release that cannot is no failure: there a stop hands leadership on. */
  async moveLeader(to: string): Promise<string> {
    const {world, ctl, pass} = this.options;
    const deadlineMs = world.nowMs() + CHANGE_MS_MAX;
    for (let error = 'nobody leads'; ; ) {
      const leader = await ctl.leader(this.serving);
      if (leader === this.indexOf(to)) return 'done';
      if (leader !== undefined) {
        const listed = await ctl.members(leader);
        const targetID = typeof listed === 'string' ? '0' : (this.listedIn(listed, to)?.id ?? '0');
        const answer = await ctl.ask(leader, 'Maintenance/MoveLeader', {targetID});
        if (typeof answer === 'string') error = answer;
        if (error.startsWith(UNIMPLEMENTED)) return `refused: ${error}`;
      }
      if (world.nowMs() > deadlineMs) return error;
      await pass();
    }
  }

  async defragment(member: string): Promise<string> {
    const answer = await this.options.ctl.ask(this.indexOf(member), 'Maintenance/Defragment', {});
    return typeof answer === 'string' ? answer : 'done';
  }

  /** At the newest revision. Nothing is left to do where that is compacted already. */
  async compact(physical: boolean): Promise<string> {
    const {ctl} = this.options;
    const [asked = 0] = this.serving;
    const revision = await ctl.revision(asked);
    if (revision === undefined) return 'no answer to a read';
    const answer = await ctl.ask(asked, 'KV/Compact', {revision, physical});
    return typeof answer === 'string' && !answer.endsWith(COMPACTED) ? answer : 'done';
  }

  async downgrade({action, to, refused}: StepOf<'downgrade'>): Promise<string> {
    const request = {action: action.toUpperCase(), version: to};
    const outcome = await this.change('Maintenance/Downgrade', () => request, {refused});
    if (outcome !== 'done') return outcome;
    if (action !== 'validate') this.options.standing.job = action === 'enable' ? to : undefined;
    return 'done';
  }

  /** As the cluster has it, and where it has no quorum as the one member has it. */
  private async listedBy(asked: number): Promise<readonly ListedMember[] | string> {
    const agreed = await this.options.ctl.members(asked);
    return typeof agreed === 'string' ? this.options.ctl.members(asked, 'own') : agreed;
  }

  /** By its URL, as the member list has it; 0: it is not on it, and etcd says so. */
  private listedIn(listed: readonly ListedMember[], name: string): ListedMember | undefined {
    const url = this.options.world.members[this.indexOf(name)]?.peerUrl;
    return listed.find(({peerUrl}) => peerUrl === url);
  }

  /**
   * A change by the first voter that runs and stays, asked again while the cluster says that it is too early, or says nothing: an answer
   * that was lost is no error, so it is looked first whether it is done. `done`, `refused: ` and what was wanted, or the error.
   */
  private async change(
    name: string,
    request: (listed: readonly ListedMember[]) => Plain,
    {refused, leaving, through, isDone}: ChangeOptions,
  ): Promise<string> {
    const {world, ctl, standing, pass} = this.options;
    const deadlineMs = world.nowMs() + CHANGE_MS_MAX;
    for (let tryCount = 1; ; tryCount++) {
      const staying = standing.serving.filter((one) => one !== leaving);
      const asked = this.indexOf(through ?? staying[0] ?? leaving ?? '');
      if (asked < 0 || standing.running.size === 0) return 'no member runs';
      const listed = await this.listedBy(asked);
      const isKnown = typeof listed !== 'string';
      if (tryCount > 1 && isKnown && refused === undefined && isDone?.(listed) === true) return 'done';
      const answer = isKnown ? await ctl.ask(asked, name, request(listed)) : listed;
      if (typeof answer !== 'string')
        return refused === undefined ? 'done' : `not refused; '${refused}' is what etcd says`;
      if (refused !== undefined && answer.includes(refused)) return `refused: ${answer}`;
      if (!PASSING.some((text) => answer.endsWith(text)) || world.nowMs() > deadlineMs) return answer;
      await pass();
    }
  }
}
