// server-core/mvcc/counts.ts: what a store has done since its process began, for the metrics. etcd: mvcc/metrics.go, metrics_txn.go.

/** Running totals; restoring from a snapshot does not reset them. */
export class StoreCounts {
  /** Reads of a key or a range, those of comparisons, checks and prev_kv too. */
  ranges = 0;
  puts = 0;
  /** Deletions asked for, whatever they found. */
  deletes = 0;
  /** Transactions of the store with more than one of these operations. */
  txns = 0;
  /** Keys and values of all puts, in bytes. */
  putSizeBytes = 0;
  /** Revisions that compaction has removed. */
  compactedKeys = 0;

  get operations(): number {
    return this.ranges + this.puts + this.deletes;
  }

  /** A transaction is over that began after so many operations. etcd: metricsTxnWrite.End. */
  txnEnded(operationsBefore: number): void {
    if (this.operations - operationsBefore > 1) this.txns++;
  }
}
