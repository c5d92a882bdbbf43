// history/readers/recorded-call.ts: one call of a foreign history, whatever the object was that it spoke to.

/** What was asked, what was answered, and when. Times only order events; at equal times calls come before returns. */
export interface RecordedCall<Input, Output> {
  /** Counts from 0 in order of calls in the file. */
  readonly id: number;
  readonly client: number;
  readonly input: Input;
  /** Undefined: the answer never came; the call may have taken effect at any time after it began, or never. */
  readonly output: Output | undefined;
  readonly callAt: number;
  /** Undefined exactly where the output is. */
  readonly returnAt: number | undefined;
}
