// scenarios/life/steps.ts: what an operator does to a cluster, as data: one step after the other, each done when it is over.
// Members are named m1, m2, …; those that found the cluster come first. `leader` and `follower` are resolved when the step begins,
// `same` is the member of the step before.
// checkSteps() goes through the list as a reader would and refuses what cannot be meant: a step on an unknown member, a start of one
// that runs, a release that nobody plays.
import {z} from 'zod';
import {assert} from '../../base/assert.ts';
import {InputError} from '../../base/input-error.ts';
import {releaseProblem} from '../../server-core/release/released.ts';

/** Releases with behaviours of their own; a label alone would be a lie. */
export const releaseSchema = z
  .string()
  .regex(/^\d{1,2}\.\d{1,3}\.\d{1,3}$/, 'a release is written 3.5.16')
  .superRefine((release, context) => {
    const problem = releaseProblem(release);
    if (problem !== undefined) context.addIssue({code: 'custom', message: problem});
  });

const member = z
  .string()
  .regex(/^(m[1-9]\d?|leader|follower|same)$/, "a member is 'm1', 'leader', 'follower' or 'same'");
const newMember = z.string().regex(/^m[1-9]\d?$/, "a member's name is m1, m2, …");
const minor = z.string().regex(/^3\.\d{1,2}(\.\d{1,2})?$/, 'a version is written 3.5');

/** Not before `atUs`; absent: when the step before is over. */
const when = {atUs: z.int().min(0).optional()};
/** etcd's own refusal that belongs to the step: the run goes on after it and is at fault without it. */
const refusable = {refused: z.string().min(1).optional()};
/** Members that the step makes end of themselves, with what their last line says. */
const ending = z.strictObject({member: newMember, text: z.string().min(1)});
/** Ends that belong to the step: the run goes on after them and is at fault without them. */
const deadly = {ends: z.array(ending).optional()};

export const stepSchema = z.discriminatedUnion('kind', [
  /** SIGTERM; the supervisor does not start it again. */
  z.strictObject({kind: z.literal('stop'), member, ...when}),
  /** SIGKILL; the supervisor does not start it again. */
  z.strictObject({kind: z.literal('kill'), member, ...when}),
  /** Another binary lies there for the next start. */
  z.strictObject({kind: z.literal('replace-binary'), member, release: releaseSchema, ...when}),
  z.strictObject({
    kind: z.literal('start'),
    member,
    ...deadly,
    /** So many of `ends` at least; absent: all. */
    endsCountMin: z.int().min(0).optional(),
    ...refusable,
    ...when,
  }),
  /** Stop and start. */
  z.strictObject({kind: z.literal('restart'), member, ...when}),
  /** MemberAdd with the URL of a member that was never part of the cluster; it is started by a step of its own. */
  z.strictObject({
    kind: z.literal('add'),
    member: newMember,
    release: releaseSchema,
    learner: z.boolean(),
    /** The member that is asked; absent: any. */
    through: newMember.optional(),
    ...deadly,
    ...refusable,
    ...when,
  }),
  /** MemberPromote, asked again while the learner lags. */
  z.strictObject({kind: z.literal('promote'), member: newMember, ...refusable, ...when}),
  /** MemberRemove; the member's process ends and stays down. */
  z.strictObject({kind: z.literal('remove'), member, ...refusable, ...when}),
  /** remove, add and start of a new one in its place. */
  z.strictObject({kind: z.literal('replace-member'), member, by: newMember, release: releaseSchema, ...when}),
  z.strictObject({kind: z.literal('move-leader'), to: member, ...when}),
  z.strictObject({kind: z.literal('defragment'), member, ...when}),
  /** Compaction at the newest revision that the operator reads. */
  z.strictObject({kind: z.literal('compact'), physical: z.boolean(), ...when}),
  z.strictObject({
    kind: z.literal('downgrade'),
    action: z.enum(['validate', 'enable', 'cancel']),
    to: minor,
    ...refusable,
    ...when,
  }),
  /** Until every member shows the job's target as cluster version and as storage version. */
  z.strictObject({kind: z.literal('wait-downgrade-ready'), ...when}),
  /** Every endpoint healthy, member lists equal, releases as swapped, the cluster version where it belongs. */
  z.strictObject({kind: z.literal('wait-healthy'), ...when}),
  /** Clients ask nothing more, and have all their answers; or they go on. */
  z.strictObject({kind: z.literal('traffic'), flow: z.enum(['pause', 'resume']), ...when}),
  /** Maintenance.Snapshot of one member, kept by the operator; the last one counts. */
  z.strictObject({kind: z.literal('snapshot-save'), member, ...when}),
  /**
   * All members go for good; new ones begin as a new cluster with what the kept snapshot holds. They are started. Refused by the tool,
   * nothing happens at all.
   */
  z.strictObject({
    kind: z.literal('snapshot-restore'),
    members: z.array(newMember).min(1),
    release: releaseSchema,
    /** --bump-revision: so much higher than in the snapshot; as many as were written since, and no revision means two things. */
    bumpRevision: z.int().min(1).optional(),
    /** --mark-compacted: everything before the raised revision is compacted. The tool wants both flags or none. */
    markCompacted: z.boolean().optional(),
    ...deadly,
    ...refusable,
    ...when,
  }),
  /** The operator puts a key of its own and deletes it, until the revision is so much higher. */
  z.strictObject({kind: z.literal('spend-revisions'), count: z.int().min(2).multipleOf(2), ...when}),
  /** All others go for good; the one, stopped before, starts with --force-new-cluster. */
  z.strictObject({kind: z.literal('force-new-cluster'), member: newMember, ...when}),
  z.strictObject({kind: z.literal('wait'), us: z.int().min(1), ...when}),
]);

export type Step = z.infer<typeof stepSchema>;
export type StepKind = Step['kind'];
export type StepOf<Kind extends StepKind> = Extract<Step, {kind: Kind}>;

/** The member that a step is about, as the step names it; undefined: none. */
export const nameInStep = (step: Step): string | undefined =>
  step.kind === 'move-leader' ? step.to : 'member' in step ? step.member : undefined;

/** Is the member found only when the step happens? */
const isFloating = (name: string): boolean => name === 'leader' || name === 'follower' || name === 'same';

/** Names of members that steps bring in beside the founders, in order. */
export const joiningNames = (steps: readonly Step[]): string[] => steps.flatMap(joinersOf);

function joinersOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'add':
      return [step.member];
    case 'replace-member':
      return [step.by];
    case 'snapshot-restore':
      return step.refused === undefined ? step.members : [];
    default:
      return [];
  }
}

/** `unsure`: it may have ended of itself, or not. */
type Standing = 'up' | 'down' | 'added' | 'out' | 'unsure';

/** Refuses steps that cannot be meant, with an InputError that names the place and the step. */
export function checkSteps(founders: readonly string[], steps: readonly Step[], place: string): void {
  const standing = new Map<string, Standing>(founders.map((name) => [name, 'up']));
  let same: readonly string[] = [];
  let hasSnapshot = false;
  for (const [index, step] of steps.entries()) {
    const refuse = (reason: string): InputError => new InputError(`${place}: step ${index} (${step.kind}): ${reason}`);
    for (const other of othersOf(step, standing)) throw refuse(`there is no member ${other}`);
    for (const joins of joinersOf(step)) {
      if (standing.has(joins)) throw refuse(`${joins} was part of the cluster already`);
    }
    if (step.kind === 'snapshot-save') hasSnapshot = true;
    if (step.kind === 'snapshot-restore') {
      if (!hasSnapshot) throw refuse('no step before it saves a snapshot');
      followRestore(standing, step);
    }
    const name = nameInStep(step);
    if (name === undefined) continue;
    if (!isFloating(name) && !standing.has(name) && step.kind !== 'add') {
      throw refuse(`there is no member ${name}; there are ${[...standing.keys()].join(', ')}`);
    }
    const possible = name === 'same' ? same : isFloating(name) ? upOf(standing) : [name];
    if (possible.length === 0) throw refuse(name === 'same' ? 'no step before it is about a member' : 'no member runs');
    const wrongs = possible.map((one) => wrongFor(step.kind, one, standing.get(one)));
    // Which of several it is shows only when it happens: refused is what is wrong for each of them.
    if (wrongs.every((wrong) => wrong !== undefined)) throw refuse(wrongs[0] as string);
    followOneOf(standing, step, possible);
    same = possible;
  }
}

/** Members that may lead, or follow. */
const upOf = (standing: ReadonlyMap<string, Standing>): string[] =>
  [...standing].flatMap(([name, now]) => (now === 'up' || now === 'unsure' ? [name] : []));

function followRestore(standing: Map<string, Standing>, step: StepOf<'snapshot-restore'>): void {
  if (step.refused !== undefined) return;
  for (const old of standing.keys()) standing.set(old, 'out');
  for (const restored of step.members) standing.set(restored, 'up');
  for (const {member: ended} of step.ends ?? []) standing.set(ended, 'down');
}

/** Where the step changes how a member stands, and it may be any of several, nobody knows how they stand. */
function followOneOf(standing: Map<string, Standing>, step: Step, possible: readonly string[]): void {
  const before = new Map(standing);
  for (const name of possible) follow(standing, step, name);
  if (possible.length === 1) return;
  for (const name of possible) if (standing.get(name) !== before.get(name)) standing.set(name, 'unsure');
}

/** Members that a step names beside its own, and that nobody knows. */
function othersOf(step: Step, known: ReadonlyMap<string, Standing>): readonly string[] {
  const ends = 'ends' in step ? (step.ends ?? []).map(({member: name}) => name) : [];
  const through = step.kind === 'add' && step.through !== undefined ? [step.through] : [];
  const joins = joinersOf(step);
  return [...ends, ...through].filter((name) => !known.has(name) && !joins.includes(name));
}

function wrongFor(kind: StepKind, name: string, now: Standing | undefined): string | undefined {
  if (now === undefined || now === 'unsure') return undefined;
  if (now === 'out') return `${name} is no longer part of the cluster`;
  switch (kind) {
    case 'start':
    case 'force-new-cluster':
      return now === 'up' ? `${name} runs already` : undefined;
    case 'replace-binary':
      return now === 'up' ? `${name} runs; stop it first` : undefined;
    case 'stop':
    case 'kill':
    case 'restart':
    case 'defragment':
    case 'snapshot-save':
    case 'promote':
    case 'move-leader':
      return now === 'up' ? undefined : `${name} does not run`;
    default:
      return undefined;
  }
}

function follow(standing: Map<string, Standing>, step: Step, name: string): void {
  switch (step.kind) {
    case 'stop':
    case 'kill':
      standing.set(name, 'down');
      break;
    case 'start':
      standing.set(name, step.refused === undefined ? 'up' : 'down');
      for (const {member: ended} of step.ends ?? []) {
        standing.set(ended, step.endsCountMin === undefined ? 'down' : 'unsure');
      }
      break;
    case 'add':
      if (step.refused === undefined) standing.set(name, 'added');
      for (const {member: ended} of step.ends ?? []) standing.set(ended, 'down');
      break;
    case 'remove':
      if (step.refused === undefined) standing.set(name, 'out');
      break;
    case 'force-new-cluster':
      for (const other of standing.keys()) standing.set(other, 'out');
      standing.set(name, 'up');
      break;
    case 'replace-member':
      standing.set(name, 'out');
      standing.set(step.by, 'up');
      break;
    default:
      assert(standing.has(name), 'a step on a member that nobody knows', {name});
  }
}

/** One line for people. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'replace-binary':
      return `replace-binary ${step.member} by ${step.release}`;
    case 'add':
      return `add ${step.member} (${step.release}${step.learner ? ', learner' : ''})`;
    case 'replace-member':
      return `replace-member ${step.member} by ${step.by} (${step.release})`;
    case 'move-leader':
      return `move-leader to ${step.to}`;
    case 'downgrade':
      return `downgrade ${step.action} ${step.to}`;
    case 'traffic':
      return `traffic: ${step.flow}`;
    case 'snapshot-restore': {
      const raised = step.bumpRevision === undefined ? '' : `, revision ${step.bumpRevision} higher`;
      return `snapshot-restore into ${step.members.join(', ')} (${step.release}${raised})`;
    }
    case 'spend-revisions':
      return `spend ${step.count} revisions`;
    case 'wait':
      return `wait ${step.us / 1000} ms`;
    default:
      return 'member' in step ? `${step.kind} ${step.member}` : step.kind;
  }
}
