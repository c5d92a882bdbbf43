// reports/view-types.ts: what a page of a run needs, as plain data: computed once from the record, then only drawn.
// Times are microseconds of virtual time. Operations are columns (one array a property), because there may be 100,000.
import type {VerdictKind} from '../history/verdict.ts';

export const ROLES = ['down', 'starting', 'follower', 'pre-candidate', 'candidate', 'leader', 'learner'] as const;
export type LaneRole = (typeof ROLES)[number];

export const OUTCOMES = ['ok', 'error', 'unknown', 'open'] as const;
/** ok; error without effect; error whose effect is unknown; still open when the run ended. */
export type OutcomeKind = (typeof OUTCOMES)[number];

/** Which part of the world a fault is in: decides its colour. */
export type FaultFamily = 'network' | 'process' | 'disk' | 'clock' | 'other';

export interface Band {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface PhaseBand extends Band {
  readonly phase: 'safety' | 'heal' | 'liveness';
}

export interface FaultBand extends Band {
  readonly fault: string;
  readonly family: FaultFamily;
  readonly detail: string;
  /** Positions in RunView.members. */
  readonly members: readonly number[];
  /** Names of what is hit, also those that are no members. */
  readonly names: readonly string[];
  /** Faults of one row do not overlap. */
  readonly row: number;
  /** It lasted when the run ended. */
  readonly isOpen: boolean;
}

export interface RoleSpan extends Band {
  readonly role: LaneRole;
  /** undefined where no term is known: down or starting. */
  readonly term: number | undefined;
}

/** Something at one moment in a member's life. */
export interface MemberEvent {
  readonly kind: 'start' | 'kill' | 'power-off' | 'panic' | 'stop' | 'note';
  readonly atUs: number;
  readonly text: string;
}

export interface MemberLane {
  readonly name: string;
  readonly release: string | undefined;
  readonly spans: readonly RoleSpan[];
  readonly events: readonly MemberEvent[];
}

/** Client lanes: a client whose operations overlap has more than one row. */
export interface ClientLane {
  readonly client: number;
  readonly firstRow: number;
  readonly rowCount: number;
  readonly operationCount: number;
}

/** One operation in an order, and what is known of the store after it. */
export interface OrderStep {
  /** Position in the columns. */
  readonly operation: number;
  /** A moment between call and return that keeps the order; where its mark is drawn. */
  readonly pointUs: number;
  readonly after: string;
}

/** A longest partial linearization, or its end. */
export interface OrderView {
  readonly steps: readonly OrderStep[];
  /** Operations of it that come before the first step shown. */
  readonly hiddenCount: number;
  /** What was known, when the operation that cannot be placed would have come next, of the keys it names. */
  readonly known: string | undefined;
}

export interface FindingView {
  readonly check: string;
  readonly kind: 'violation' | 'unknown';
  readonly message: string;
  readonly atUs: number | undefined;
  readonly atEvent: number | undefined;
  readonly key: string | undefined;
  /** Positions in the columns, the one that cannot be placed first. */
  readonly operations: readonly number[];
  readonly orders: readonly OrderView[];
  /** The stretch to look at. */
  readonly focus: Band;
}

/** The operations, in order of calls. Every column has `count` entries. */
export interface OperationColumns {
  readonly count: number;
  /** The id in the record. */
  readonly id: ArrayLike<number>;
  readonly callUs: ArrayLike<number>;
  /** -1: open. */
  readonly returnUs: ArrayLike<number>;
  /** Row of the drawing, over all clients. */
  readonly row: ArrayLike<number>;
  /** Position in RunView.clients. */
  readonly client: ArrayLike<number>;
  /** Position in KINDS. */
  readonly kind: ArrayLike<number>;
  /** Position in OUTCOMES. */
  readonly outcome: ArrayLike<number>;
  /** 1: serializable. */
  readonly serializable: ArrayLike<number>;
  /** Position in RunView.keySets. */
  readonly keySet: ArrayLike<number>;
  /** Header revision of the answer; 0: none. */
  readonly revision: ArrayLike<number>;
  /** 1 + position in RunView.members of who answered; 0: nobody. */
  readonly member: ArrayLike<number>;
}

/** All of a page but the operations. */
export interface RunHead {
  readonly title: string;
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: VerdictKind;
  readonly digest: string;
  readonly codeVersion: string;
  readonly plant: string | undefined;
  readonly releases: readonly string[];
  readonly reproduce: string;
  readonly planSummary: readonly string[];
  readonly plan: Readonly<Record<string, unknown>>;
  readonly endUs: number;
  readonly simulatedUs: number;
  readonly eventCount: number;
  readonly okCount: number;
  readonly errorCount: number;
  readonly unknownCount: number;
  readonly marks: readonly (readonly [string, number])[];
  readonly findings: readonly FindingView[];
  /** Findings that are not shown: the record has them. */
  readonly hiddenFindingCount: number;
  readonly phases: readonly PhaseBand[];
  readonly faults: readonly FaultBand[];
  readonly faultRowCount: number;
  readonly members: readonly MemberLane[];
  readonly clients: readonly ClientLane[];
  readonly rowCount: number;
  /** Every key that a request names. */
  readonly keys: readonly string[];
  /** Keys (positions in `keys`) that an operation may touch. The first set stands for too many to list: it matches any key. */
  readonly keySets: readonly (readonly number[])[];
  /** Values in texts are cut at so many bytes; 0: none was cut. */
  readonly valueSizeMax: number;
}

export interface RunView {
  readonly head: RunHead;
  readonly operations: OperationColumns;
  /** One line an operation: request, tab, outcome. */
  readonly texts: readonly string[];
}
