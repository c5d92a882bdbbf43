// live/upgrade/changes.ts: what an operator asks of a cluster: other members, another leader, compaction, defragmentation, downgrade jobs. What a
// cluster that has just changed refuses for a while is asked again; any other refusal is the outcome.
import type {StepOf} from '../../scenarios/life/steps.ts';
import {fieldsOf, textOf} from '../compare/book.ts';
import type {Plain} from '../rpc/codec.ts';
import type {Answer, Etcdctl} from './etcdctl.ts';
import type {Standing} from './standing.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

export interface ChangesOptions {
  readonly world: UpgradeWorld;
  readonly ctl: Etcdctl;
  readonly standing: Standing;
  /** Lets clients go on for a moment. */
  readonly pass: () => Promise<void>;
}

/** Membership changes are refused until the connections to all members have lasted for 5 s (etcdserver: HealthInterval). */
const CHANGE_MS_MAX = 30_000;
/** A removed member hears of it and ends of itself. */
const END_MS_MAX = 5_000;
/** ErrUnhealthy; ErrLearnerNotReady: the learner lags behind the leader. */
const TOO_EARLY = [
  'etcdserver: unhealthy cluster',
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

  async add({member, release, learner, refused}: Omit<StepOf<'add'>, 'kind'>): Promise<string> {
    const {world, standing} = this.options;
    const peerURLs = [world.members[this.indexOf(member)]?.peerUrl ?? ''];
    const answer = await this.change('Cluster/MemberAdd', async () => ({peerURLs, isLearner: learner}), {refused});
    if (typeof answer === 'string') return answer;
    this.drawnIds.set(textOf(fieldsOf(answer['member'])?.['ID']), `(id of ${member})`);
    standing.add(member, release, learner);
    return 'done';
  }

  async promote({member, refused}: StepOf<'promote'>): Promise<string> {
    const answer = await this.change('Cluster/MemberPromote', (asked) => this.idOf(asked, member), {refused});
    if (typeof answer === 'string') return answer;
    this.options.standing.learners.delete(member);
    return 'done';
  }

  /** The member's process, where it runs, is given time to end of itself. */
  async remove(member: string, refused?: string): Promise<string> {
    const {world, standing, pass} = this.options;
    const wasRunning = standing.running.has(member);
    const answer = await this.change('Cluster/MemberRemove', (asked) => this.idOf(asked, member), {refused, member});
    if (typeof answer === 'string') return answer;
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
        const {ID: targetID} = await this.idOf(leader, to);
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
    const answer = await this.change('Maintenance/Downgrade', async () => request, {refused});
    if (typeof answer === 'string') return answer;
    if (action !== 'validate') this.options.standing.job = action === 'enable' ? to : undefined;
    return 'done';
  }

  /** As the member list has it; 0: it is not on it, and etcd says so. */
  private async idOf(asked: number, name: string): Promise<{readonly ID: string}> {
    const {world, ctl} = this.options;
    const url = world.members[this.indexOf(name)]?.peerUrl;
    const listed = await ctl.members(asked);
    const found = typeof listed === 'string' ? undefined : listed.find(({peerUrl}) => peerUrl === url);
    return {ID: found?.id ?? '0'};
  }

  /**
   * A change by the first voter that runs and stays, asked again while the cluster says that it is too early; else the error, or
   * `refused: ` and the error that was wanted.
   */
  private async change(
    name: string,
    request: (asked: number) => Promise<Plain>,
    {refused, member}: {readonly refused: string | undefined; readonly member?: string},
  ): Promise<Answer | string> {
    const {world, ctl, standing, pass} = this.options;
    const staying = standing.serving.filter((one) => one !== member);
    const asked = this.indexOf(staying[0] ?? standing.serving[0] ?? '');
    if (asked < 0) return 'no member runs';
    const deadlineMs = world.nowMs() + CHANGE_MS_MAX;
    for (;;) {
      const answer = await ctl.ask(asked, name, await request(asked));
      if (typeof answer !== 'string')
        return refused === undefined ? answer : `not refused; '${refused}' is what etcd says`;
      if (refused !== undefined && answer.includes(refused)) return `refused: ${answer}`;
      const isTooEarly = TOO_EARLY.some((text) => answer.endsWith(text));
      if (!isTooEarly || world.nowMs() > deadlineMs) return answer;
      await pass();
    }
  }
}
