// server-core/backend/backend-error.ts: what is wrong with a backend file, in one line that names the place.

/**
 * `corrupt`: the bytes contradict each other. `not-a-database`: neither meta page is one. `too-short`: the file ends before its
 * high-water mark. `unsupported`: a valid bbolt file, but of a shape that etcd never writes. `locked`: somebody else has it open.
 * `no-freelist`: the file was written without one, and the release cannot do without.
 */
export type BackendErrorCode = 'corrupt' | 'not-a-database' | 'too-short' | 'unsupported' | 'locked' | 'no-freelist';

/** The file cannot be used. etcd panics at start on these; who opens a backend decides here. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly code: BackendErrorCode;
  readonly file: string;
  /** Where in the file, in bytes; undefined when it is the file as a whole. */
  readonly offset: number | undefined;
  /** The page that holds the offset; undefined when there are no pages yet. */
  readonly page: number | undefined;
  readonly reason: string;

  constructor(code: BackendErrorCode, file: string, reason: string, place: {offset?: number; page?: number} = {}) {
    const page = place.page === undefined ? '' : ` page ${place.page}`;
    const offset = place.offset === undefined ? '' : ` offset ${place.offset}`;
    super(`${file}:${page}${offset}${page || offset ? ':' : ''} ${reason}`);
    this.code = code;
    this.file = file;
    this.offset = place.offset;
    this.page = place.page;
    this.reason = reason;
  }
}
