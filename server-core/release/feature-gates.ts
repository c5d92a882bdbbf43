// server-core/release/feature-gates.ts: the server feature gates of 3.6 and 3.7, --feature-gates, and the --experimental-* flags that
// gates and plain flags took the place of. etcd: server/features, pkg/featuregate, embed.SetFeatureGatesFromExperimentalFlags.
import {FlagRefusal} from './flag-refusal.ts';
import {isSince} from './release.ts';

export type GateStage = 'alpha' | 'beta';

/** One gate as a release has it. */
export interface FeatureGate {
  readonly name: string;
  readonly stage: GateStage;
  readonly isOnByDefault: boolean;
  /** The minor from which it is there. */
  readonly since: '3.6' | '3.7';
  /** Documented as deprecated: only there to make the way from 3.5 smooth. */
  readonly isDeprecated: boolean;
  /** The flag of 3.5 that it took the place of, without dashes; 3.6 still takes it. */
  readonly oldFlag: string | undefined;
}

function gate(name: string, partial: Partial<FeatureGate> = {}): FeatureGate {
  const defaults: FeatureGate = {
    name,
    stage: 'alpha',
    isOnByDefault: false,
    since: '3.6',
    isDeprecated: false,
    oldFlag: undefined,
  };
  return Object.freeze({...defaults, ...partial});
}

const GATES: readonly FeatureGate[] = Object.freeze([
  gate('StopGRPCServiceOnDefrag', {oldFlag: 'experimental-stop-grpc-service-on-defrag'}),
  gate('InitialCorruptCheck', {oldFlag: 'experimental-initial-corrupt-check'}),
  gate('CompactHashCheck', {oldFlag: 'experimental-compact-hash-check-enabled'}),
  gate('TxnModeWriteWithSharedBuffer', {
    stage: 'beta',
    isOnByDefault: true,
    oldFlag: 'experimental-txn-mode-write-with-shared-buffer',
  }),
  gate('LeaseCheckpoint', {oldFlag: 'experimental-enable-lease-checkpoint'}),
  gate('LeaseCheckpointPersist', {isDeprecated: true, oldFlag: 'experimental-enable-lease-checkpoint-persist'}),
  gate('SetMemberLocalAddr'),
  gate('FastLeaseKeepAlive', {stage: 'beta', isOnByDefault: true, since: '3.7'}),
  gate('PriorityRequest', {since: '3.7'}),
]);

/** How the old names of flags begin. */
export const EXPERIMENTAL = 'experimental-';

/** Flags that only lost their `experimental-`: 3.6 takes both forms, 3.7 the short one. */
export const RENAMED_FLAGS: readonly string[] = Object.freeze([
  'bootstrap-defrag-threshold-megabytes',
  'compaction-batch-limit',
  'compaction-sleep-interval',
  'compact-hash-check-time',
  'corrupt-check-time',
  'enable-distributed-tracing',
  'distributed-tracing-address',
  'distributed-tracing-instance-id',
  'distributed-tracing-sampling-rate',
  'distributed-tracing-service-name',
  'downgrade-check-time',
  'memory-mlock',
  'peer-skip-client-san-verification',
  'snapshot-catchup-entries',
  'warning-apply-duration',
  'warning-unary-request-duration',
  'watch-progress-notify-interval',
]);

/** The gates that a release has, in the order of its source; none before 3.6. */
export function featureGatesOf(release: string): readonly FeatureGate[] {
  return GATES.filter(({since}) => isSince(release, `${since}.0`));
}

/** The gate of that name, whichever releases have it. */
export const gateNamed = (name: string): FeatureGate | undefined => GATES.find((one) => one.name === name);

/** The gate that took the place of a flag; undefined for any other flag. */
export const gateOfOldFlag = (flag: string): FeatureGate | undefined => GATES.find(({oldFlag}) => oldFlag === flag);

/** Which gates are on. */
export type GateSettings = ReadonlyMap<string, boolean>;

/** What strconv.ParseBool takes. */
const TRUE_WORDS: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE_WORDS: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/**
 * What is on in a release under `--feature-gates=<text>`, and under old flags as they were given (`true` or `false` by flag name
 * without dashes); before 3.6 only what old flags say. Throws FlagRefusal in etcd's words for a gate that is not there, a bad value,
 * a gate given in both ways, and a checkpoint that is to be stored but not made.
 */
export function parseFeatureGates(
  release: string,
  text: string,
  oldFlags: ReadonlyMap<string, boolean> = new Map(),
): GateSettings {
  const gates = featureGatesOf(release);
  const settings = new Map(gates.map(({name, isOnByDefault}) => [name, isOnByDefault]));
  if (gates.length === 0 && text !== '') throw new FlagRefusal('flag provided but not defined: -feature-gates');
  const refused = (why: string) =>
    new FlagRefusal(`invalid value ${JSON.stringify(text)} for flag -feature-gates: ${why}`);
  const given = parseList(text, refused);
  for (const [name, isOn] of given) setGate(gates, settings, given, {name, isOn, refused});
  applyOldFlags(gates, settings, text, oldFlags, release);
  if (settings.get('LeaseCheckpointPersist') === true && settings.get('LeaseCheckpoint') !== true) {
    throw new FlagRefusal(
      gates.length === 0
        ? 'setting experimental-enable-lease-checkpoint-persist requires experimental-enable-lease-checkpoint'
        : 'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint',
    );
  }
  return settings;
}

/** `Name=true,Other=false`; a name that is given twice keeps its last value. featureGate.Set. */
function parseList(text: string, refused: (why: string) => FlagRefusal): ReadonlyMap<string, boolean> {
  const given = new Map<string, boolean>();
  for (const part of text.split(',')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim();
    if (at < 0) throw refused(`missing bool value for ${name}`);
    const value = part.slice(at + 1).trim();
    const isOn = TRUE_WORDS.includes(value);
    if (!isOn && !FALSE_WORDS.includes(value)) {
      const why = `strconv.ParseBool: parsing "${value}": invalid syntax`;
      throw refused(`invalid value of ${name}=${value}, err: ${why}`);
    }
    given.set(name, isOn);
  }
  return given;
}

/** AllAlpha and AllBeta set the gates of a stage that are not set by name. featureGate.SetFromMap. */
function setGate(
  gates: readonly FeatureGate[],
  settings: Map<string, boolean>,
  given: ReadonlyMap<string, boolean>,
  {name, isOn, refused}: {name: string; isOn: boolean; refused: (why: string) => FlagRefusal},
): void {
  const stage = name === 'AllAlpha' ? 'alpha' : name === 'AllBeta' ? 'beta' : undefined;
  if (stage === undefined) {
    if (!settings.has(name)) throw refused(`unrecognized feature gate: ${name}`);
    settings.set(name, isOn);
    return;
  }
  for (const gate of gates) if (gate.stage === stage && !given.has(gate.name)) settings.set(gate.name, isOn);
}

function applyOldFlags(
  gates: readonly FeatureGate[],
  settings: Map<string, boolean>,
  text: string,
  oldFlags: ReadonlyMap<string, boolean>,
  release: string,
): void {
  for (const [flag, isOn] of oldFlags) {
    const found = gateOfOldFlag(flag);
    if (found === undefined) throw new FlagRefusal(`flag provided but not defined: -${flag}`);
    // 3.7 dropped every --experimental flag; it ends while it reads its flags.
    if (isSince(release, '3.7.0')) throw new FlagRefusal(`flag provided but not defined: -${flag}`);
    const {name} = found;
    if (gates.length === 0) {
      settings.set(name, isOn); // before 3.6 the flag is the only way
      continue;
    }
    // etcd looks for the name anywhere in the text, so LeaseCheckpoint is found in LeaseCheckpointPersist.
    if (text.includes(name)) {
      const isSet = `--feature-gates=${name}=${settings.get(name) === true}`;
      throw new FlagRefusal(
        `cannot specify both flags: --${flag}=${isOn} and ${isSet} at the same time, please just use ${isSet}`,
      );
    }
    settings.set(name, isOn);
  }
}
