// server-core/wal/wal-error.ts: why a WAL or a snapshot file cannot be used.

export type WalErrorCode =
  /** A record or the chain over segments does not have its checksum: the middle of the log is damaged. */
  | 'crc-mismatch'
  /** The last record is cut off or torn: what a crash leaves; repair() may help. */
  | 'unexpected-eof'
  /** Above the release's limit for one record; no repair helps. */
  | 'record-too-large'
  /** Another process holds the lock of a segment. */
  | 'locked'
  | 'snapshot-not-found'
  | 'snapshot-mismatch'
  | 'file-not-found'
  | 'metadata-conflict'
  | 'slice-out-of-range'
  | 'bad-record';

/** Names the file and the offset in bytes where it shows. */
export class WalError extends Error {
  override readonly name = 'WalError';
  readonly code: WalErrorCode;
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
  constructor(code: WalErrorCode, file: string, offset: number, reason: string) {
    super(`${file}: at offset ${offset}: ${reason}`);
    this.code = code;
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}
