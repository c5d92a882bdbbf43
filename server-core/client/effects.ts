// server-core/client/effects.ts: what an error tells about a write: did it certainly not take place, or may it have?
// A code that the server gives before it proposes anything, or that applying the request gave without changing anything, means
// none. Timeouts, broken connections and a server that stops mean unknown: the entry may be in somebody's log.

const UNKNOWN_CODES: readonly string[] = [
  'Unavailable',
  'DeadlineExceeded',
  'Canceled',
  'Unknown',
  'Internal',
  'Aborted',
];

/** Messages whose code would leave it open although they say that nothing was proposed. raft.ErrProposalDropped. */
const HARMLESS_MESSAGES: readonly string[] = ['raft proposal dropped'];

/** The effect that a write may have had when a server answered this. */
export function effectOf(code: string, message: string): 'none' | 'unknown' {
  if (HARMLESS_MESSAGES.includes(message)) return 'none';
  return UNKNOWN_CODES.includes(code) ? 'unknown' : 'none';
}
