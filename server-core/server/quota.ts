// server-core/server/quota.ts: how much a member's database may grow. etcd: server/storage/quota.go (3.3-3.5: etcdserver/quota.go).
// The estimate of a request's cost is added to the size of the file as of its last growth; what a batch has not committed yet does
// not count, so a burst passes.
import type {PutRequest, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';

/** DefaultQuotaBytes. */
export const QUOTA_DEFAULT_BYTES = 2 * 1024 * 1024 * 1024;

/** What a lease and a pair cost beside their contents. */
const LEASE_OVERHEAD = 64;
const KV_OVERHEAD = 256;

const costOfPut = ({key, value}: PutRequest): number => KV_OVERHEAD + key.length + value.length;

function costOfOps(ops: readonly RequestOp[]): number {
  let cost = 0;
  // Puts of nested transactions are not counted (issue 22140).
  for (const op of ops) if (op.kind === 'put') cost += costOfPut(op.request);
  return cost;
}

/** The dearer branch of a transaction, nested ones left out. */
export const costOfTxn = ({success, failure}: TxnRequest): number => Math.max(costOfOps(success), costOfOps(failure));

export interface QuotaOptions {
  /** --quota-backend-bytes: 0 for the default, below 0 for none. */
  readonly quotaBytes: number;
  /** ServerBehaviours.quotaPassesReads. */
  readonly passesReads: boolean;
  /** The size of the database's file. */
  readonly sizeBytes: () => number;
}

export class Quota {
  private readonly options: QuotaOptions;

  constructor(options: QuotaOptions) {
    this.options = options;
  }

  /** The limit in force; undefined for none. */
  get limitBytes(): number | undefined {
    const {quotaBytes} = this.options;
    if (quotaBytes < 0) return undefined;
    return quotaBytes === 0 ? QUOTA_DEFAULT_BYTES : quotaBytes;
  }

  /** Does the transaction write, as far as the estimate sees? A store without room refuses it then. */
  growsWith(request: TxnRequest): boolean {
    return costOfTxn(request) > 0;
  }

  /** Is there room for the request? Kinds that never grow the store are not asked about. */
  hasRoomForPut(request: PutRequest): boolean {
    return this.hasRoom(costOfPut(request));
  }

  hasRoomForTxn(request: TxnRequest): boolean {
    return this.hasRoom(costOfTxn(request));
  }

  hasRoomForLease(): boolean {
    return this.hasRoom(LEASE_OVERHEAD);
  }

  private hasRoom(cost: number): boolean {
    const {limitBytes} = this;
    if (limitBytes === undefined || (cost === 0 && this.options.passesReads)) return true;
    return this.options.sizeBytes() + cost < limitBytes;
  }
}
