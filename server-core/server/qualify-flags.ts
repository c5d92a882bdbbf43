// server-core/server/qualify-flags.ts: etcd's command line, as users write it, to the options of a server that plays a release.
// Modelled: flags that a release does not have, values that it does not take, flags that exclude each other, feature gates and the flags
// that they took the place of. What etcd refuses is told in its words; the process ends with them. etcd: etcdmain/config.go, embed.Config.
// Not modelled: flags that change nothing a simulated member does, or that a plan sets elsewhere. Promise: none of them is passed over;
// each is an InputError that names it.
import {must} from '../../base/assert.ts';
import {InputError} from '../../base/input-error.ts';
import {
  EXPERIMENTAL,
  featureGatesOf,
  gateNamed,
  gateOfOldFlag,
  parseFeatureGates,
  RENAMED_FLAGS,
} from '../release/feature-gates.ts';
import {FlagRefusal} from '../release/flag-refusal.ts';
import type {FlagKind} from '../release/flags.ts';
import {flagNamed, hasFlag} from '../release/flags.ts';
import {isSince, minorOf} from '../release/release.ts';
import type {AutoCompaction} from './compactor.ts';
import type {GivenFlag} from './flag-values.ts';
import {
  durationText,
  inexact,
  parseDuration,
  readBool,
  readDurationNs,
  readInteger,
  unreadable,
} from './flag-values.ts';
import type {V2Stage} from './start-flags.ts';
import {startBehaviours} from './start-flags.ts';

/** Flags by name, without dashes. `3.6:max-learners` and `3.4.31:…` are given to members of that minor or release only. */
export type Flags = Readonly<Record<string, string>>;

/** The options that flags set; named as in ServerConfig. */
export interface FlagSettings {
  preVote?: boolean;
  strictReconfigCheck?: boolean;
  quotaBackendBytes?: number;
  maxTxnOps?: number;
  maxRequestBytes?: number;
  backendBatchIntervalMs?: number;
  autoCompaction?: AutoCompaction | undefined;
  authTokenTtl?: number;
  bcryptCost?: number;
  leaseCheckpoint?: boolean;
  leaseCheckpointPersist?: boolean;
  watchProgressNotifyUs?: number;
  downgradeCheckMs?: number;
  nextClusterVersionCompatible?: boolean;
  v2Deprecation?: V2Stage;
  maxLearners?: number;
  initialCorruptCheck?: boolean;
  corruptCheckMs?: number;
  compactHashCheck?: boolean;
  compactHashCheckMs?: number;
}

/** What becomes of a command line: options, or the words with which the process ends. */
export type FlagOutcome =
  | {readonly kind: 'ok'; readonly settings: Readonly<FlagSettings>}
  | {readonly kind: 'refused'; readonly message: string};

/** How one flag is taken; `ms`: a duration in whole milliseconds, 0 where etcd has a meaning for it. */
type Setter = (settings: FlagSettings, given: GivenFlag) => void;

const bool =
  (field: 'preVote' | 'strictReconfigCheck' | 'nextClusterVersionCompatible'): Setter =>
  (settings, given) => {
    settings[field] = readBool(given);
  };

const integer =
  (
    kind: 'int' | 'uint',
    field: 'quotaBackendBytes' | 'maxTxnOps' | 'maxRequestBytes' | 'authTokenTtl' | 'bcryptCost' | 'maxLearners',
  ): Setter =>
  (settings, given) => {
    settings[field] = readInteger(given, kind);
  };

const milliseconds =
  (field: 'corruptCheckMs' | 'compactHashCheckMs' | 'downgradeCheckMs' | 'backendBatchIntervalMs'): Setter =>
  (settings, given) => {
    const ns = readDurationNs(given);
    if (field === 'compactHashCheckMs' && ns <= 0) {
      throw new FlagRefusal(`--${given.name} must be >0 (set to ${durationText(ns)})`);
    }
    if (ns < 0) throw inexact(given, 'a time below zero is not simulated');
    if (ns % 1_000_000 !== 0) throw inexact(given, 'the time is simulated in whole milliseconds');
    // The backend keeps its default when told zero. etcd: newBackend.
    if (field !== 'backendBatchIntervalMs' || ns > 0) settings[field] = ns / 1_000_000;
  };

/** Flags that set one option each; those that were renamed stand under their new name. */
const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['pre-vote', bool('preVote')],
  ['strict-reconfig-check', bool('strictReconfigCheck')],
  ['next-cluster-version-compatible', bool('nextClusterVersionCompatible')],
  ['quota-backend-bytes', integer('int', 'quotaBackendBytes')],
  ['max-txn-ops', integer('uint', 'maxTxnOps')],
  ['max-request-bytes', integer('uint', 'maxRequestBytes')],
  ['auth-token-ttl', integer('uint', 'authTokenTtl')],
  ['bcrypt-cost', integer('uint', 'bcryptCost')],
  ['max-learners', integer('int', 'maxLearners')],
  ['corrupt-check-time', milliseconds('corruptCheckMs')],
  ['compact-hash-check-time', milliseconds('compactHashCheckMs')],
  ['downgrade-check-time', milliseconds('downgradeCheckMs')],
  ['backend-batch-interval', milliseconds('backendBatchIntervalMs')],
  ['watch-progress-notify-interval', setProgressInterval],
  ['enable-v2', refuseV2Api],
]);

/** Flags for which a plan has a place of its own. */
const SET_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['heartbeat-interval', 'cluster.tickMs sets it'],
  ['election-timeout', 'cluster.tickMs and cluster.electionTicks set it'],
  ['snapshot-count', 'cluster.snapshotCount sets it'],
  ['snapshot-catchup-entries', 'cluster.snapshotCatchUpEntries sets it'],
  ['backend-batch-limit', 'cluster.backendBatchLimit sets it'],
  ['force-new-cluster', 'the step force-new-cluster sets it'],
]);

/** Flags that are read together with others. */
const READ_TOGETHER: readonly string[] = [
  'auto-compaction-mode',
  'auto-compaction-retention',
  'feature-gates',
  'v2-deprecation',
];

/**
 * The options that a command line gives a server of that release, or how it refuses to start. Throws InputError for a flag that no
 * release has, and for what a release takes and this program does not simulate.
 */
export function qualifyFlags(release: string, flags: Flags): FlagOutcome {
  const given = flagsFor(release, flags);
  const settings: FlagSettings = {};
  try {
    for (const flag of given) takeFlag(release, settings, flag);
    applyGates(release, settings, given);
    checkTogether(release, given);
    const texts = new Map(given.map(({name, text}) => [name, text]));
    applyAutoCompaction(release, settings, texts);
  } catch (error) {
    if (error instanceof FlagRefusal) return {kind: 'refused', message: error.message};
    throw error;
  }
  return {kind: 'ok', settings};
}

const SCOPED = /^(?:(\d+\.\d+(?:\.\d+)?):)?(.*)$/;

/** The releases or minors that flags are limited to. */
export function scopesOf(flags: Flags): string[] {
  return Object.keys(flags).flatMap((key) => SCOPED.exec(key)?.[1] ?? []);
}

/** Is that release, or its minor, the one that a flag is limited to? */
export const isInScope = (release: string, scope: string): boolean => scope === release || scope === minorOf(release);

/** What a member of that release is given, in order; what is limited to its release beats its minor, and that the rest. */
function flagsFor(release: string, flags: Flags): GivenFlag[] {
  const chosen = new Map<string, {readonly text: string; readonly weight: number}>();
  for (const [key, text] of Object.entries(flags)) {
    const [, scope = '', name = ''] = must(SCOPED.exec(key), 'every text matches');
    if (name.startsWith('-')) throw new InputError(`${name}: flags are written without dashes in front`);
    if (flagNamed(name) === undefined) throw new InputError(`--${name}: etcd has no such flag from 3.0 to 3.7`);
    if (scope !== '' && !isInScope(release, scope)) continue;
    const before = chosen.get(name);
    if (before === undefined || scope.length > before.weight) chosen.set(name, {text, weight: scope.length});
  }
  return [...chosen].map(([name, {text}]) => ({name, text}));
}

/** Takes one flag. Throws FlagRefusal as the flag package ends the process, InputError for what is not simulated. */
function takeFlag(release: string, settings: FlagSettings, given: GivenFlag): void {
  const {name} = given;
  const flag = must(flagNamed(name), 'the flag was looked up before');
  if (!hasFlag(release, flag)) throw new FlagRefusal(`flag provided but not defined: -${name}`);
  if (gateOfOldFlag(name) !== undefined) {
    readBool(given);
    return;
  }
  if (name === 'v2-deprecation') return setV2Stage(release, settings, given);
  if (READ_TOGETHER.includes(name)) return;
  const newName = renamedFrom(name) ?? name;
  const setter = SETTERS.get(newName);
  if (setter !== undefined) return setter(settings, given);
  checkKind(flag.kind, given);
  throw new InputError(`--${name}: ${SET_ELSEWHERE.get(newName) ?? 'the simulation has nothing that it would change'}`);
}

/** A bad value ends the process whether or not the flag is simulated. */
function checkKind(kind: FlagKind, given: GivenFlag): void {
  if (kind === 'bool') readBool(given);
  if (kind === 'int' || kind === 'uint') readInteger(given, kind);
  if (kind === 'duration') readDurationNs(given);
}

/** `experimental-corrupt-check-time` -> `corrupt-check-time`. */
function renamedFrom(name: string): string | undefined {
  const short = name.startsWith(EXPERIMENTAL) ? name.slice(EXPERIMENTAL.length) : '';
  return RENAMED_FLAGS.includes(short) ? short : undefined;
}

/** Both names of one flag exclude each other. etcd 3.6: experimentalFlagMigrationMap. */
function checkTogether(release: string, given: readonly GivenFlag[]): void {
  if (featureGatesOf(release).length === 0) return;
  for (const {name} of given) {
    const short = renamedFrom(name);
    if (short === undefined || !given.some((other) => other.name === short)) continue;
    throw new FlagRefusal(`cannot set --${name} and --${short} at the same time, please use --${short} only`);
  }
}

/** Zero stands for ten minutes here and there. */
function setProgressInterval(settings: FlagSettings, given: GivenFlag): void {
  const ns = readDurationNs(given);
  if (ns < 0) throw inexact(given, 'a time below zero is not simulated');
  if (ns % 1_000 !== 0) throw inexact(given, 'the time is simulated in whole microseconds');
  settings.watchProgressNotifyUs = ns / 1_000;
}

/** Nobody serves the v2 API here, so it can only be off: what 3.6 no longer knows as a flag. */
function refuseV2Api(_settings: FlagSettings, given: GivenFlag): void {
  if (readBool(given)) throw inexact(given, 'the v2 API is not simulated');
}

/** One of the stages that the release knows; the effect is that of those it honours. */
function setV2Stage(release: string, settings: FlagSettings, given: GivenFlag): void {
  const {v2Stages, v2StagesHonoured} = startBehaviours(release);
  const stage = v2Stages.find((one) => one === given.text);
  const wrong = given.text.split(',').find((one) => !v2Stages.some((known) => known === one));
  if (wrong !== undefined) throw unreadable(given, `invalid value ${JSON.stringify(wrong)}`);
  if (stage === undefined) throw inexact(given, 'several stages at once are not simulated');
  if (v2StagesHonoured.includes(stage)) settings.v2Deprecation = stage;
}

/** Gates that the simulation has an option for. */
const GATE_FIELDS: ReadonlyMap<
  string,
  'initialCorruptCheck' | 'compactHashCheck' | 'leaseCheckpoint' | 'leaseCheckpointPersist'
> = new Map([
  ['InitialCorruptCheck', 'initialCorruptCheck'],
  ['CompactHashCheck', 'compactHashCheck'],
  ['LeaseCheckpoint', 'leaseCheckpoint'],
  ['LeaseCheckpointPersist', 'leaseCheckpointPersist'],
]);

/** --feature-gates, and the flags that gates took the place of. */
function applyGates(release: string, settings: FlagSettings, given: readonly GivenFlag[]): void {
  const text = given.find(({name}) => name === 'feature-gates')?.text ?? '';
  const oldFlags = new Map(
    given.filter(({name}) => gateOfOldFlag(name) !== undefined).map((one) => [one.name, readBool(one)]),
  );
  if (text === '' && oldFlags.size === 0) return;
  const hasGates = featureGatesOf(release).length > 0;
  for (const [name, isOn] of parseFeatureGates(release, text, oldFlags)) {
    const {oldFlag, isOnByDefault} = must(gateNamed(name), 'a gate that was set is one that there is');
    const field = GATE_FIELDS.get(name);
    if (field !== undefined) settings[field] = isOn;
    else if (isOn !== isOnByDefault) {
      const what = hasGates ? `feature gate ${name}` : `--${oldFlag}`;
      throw new InputError(`${what}=${isOn}: the simulation has nothing that it would change`);
    }
  }
}

const HOUR_US = 3_600_000_000;

/** --auto-compaction-mode and -retention. etcd: parseCompactionRetention; up to 3.2 a number of hours. */
function applyAutoCompaction(release: string, settings: FlagSettings, texts: ReadonlyMap<string, string>): void {
  const mode = texts.get('auto-compaction-mode') ?? 'periodic';
  const text = texts.get('auto-compaction-retention') ?? '0';
  const retention: GivenFlag = {name: 'auto-compaction-retention', text};
  if (mode === '' && isSince(release, '3.6.0')) throw new FlagRefusal('undefined auto-compaction-mode');
  if (mode === '') throw inexact({name: 'auto-compaction-mode', text: mode}, 'no mode at all is not simulated');
  if (mode !== 'periodic' && mode !== 'revision') throw new FlagRefusal(`unknown auto-compaction-mode "${mode}"`);
  const amount = isSince(release, '3.3.0') ? retentionOf(release, mode, retention) : hoursOf(retention);
  if (amount < 0) throw inexact(retention, 'a retention below zero is not simulated');
  if (!Number.isSafeInteger(amount)) throw inexact(retention, 'the retention is simulated in whole microseconds');
  if (amount > 0) settings.autoCompaction = {mode, retention: amount};
}

/** Up to 3.2 the flag is an int. */
const hoursOf = (retention: GivenFlag): number => readInteger(retention, 'int') * HOUR_US;

/** Revisions or microseconds. 3.3.0 and 3.3.1 take a bare number for hours in both modes. */
function retentionOf(release: string, mode: AutoCompaction['mode'], {text}: GivenFlag): number {
  const countsRevisions = mode === 'revision' && isSince(release, '3.3.2');
  if (/^\+?\d+$/.test(text)) return countsRevisions ? Number(text) : Number(text) * scaleOf(mode) * HOUR_US;
  const parsed = parseDuration(text);
  const what = isSince(release, '3.3.2') ? 'CompactionRetention' : 'AutoCompactionRetention';
  if (parsed.kind === 'refused') throw new FlagRefusal(`error parsing ${what}: ${parsed.message}`);
  return mode === 'revision' ? parsed.ns : parsed.ns / 1_000;
}

/** A duration in the mode that counts revisions counts its nanoseconds. */
const scaleOf = (mode: AutoCompaction['mode']): number => (mode === 'revision' ? 1_000 : 1);
