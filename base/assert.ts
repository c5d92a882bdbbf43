// base/assert.ts: how code here says "this cannot be".
// Promise: a failed assertion throws InvariantError with the facts that were at hand; nobody catches it but the runner.

/** We broke our own promise: a member panics or the run ends, on record. Never a user's mistake. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
  readonly details: unknown;
  constructor(message: string, details?: unknown) {
    super(details === undefined ? message : `${message} ${describeDetails(details)}`);
    this.details = details;
  }
}

function describeDetails(details: unknown): string {
  try {
    return JSON.stringify(details, (_key, value: unknown) => {
      if (value instanceof Uint8Array) return `<${value.length} bytes>`;
      if (value instanceof Map) return [...value.entries()];
      if (value instanceof Set) return [...value];
      if (typeof value === 'bigint') return value.toString();
      return value;
    });
  } catch {
    return '<details could not be printed>';
  }
}

/** Throws InvariantError unless the condition holds. Details are only looked at on failure. */
export function assert(condition: boolean, message: string, details?: unknown): asserts condition {
  if (!condition) throw new InvariantError(message, details);
}

/** The value, or InvariantError where it is absent: absence is our bug. */
export function must<T>(value: T | undefined | null, message: string, details?: unknown): T {
  if (value === undefined || value === null) throw new InvariantError(message, details);
  return value;
}

/** The end of a switch over a union: reaching it means that a case is missing. */
export function unreachable(value: never, message = 'unreachable case'): never {
  throw new InvariantError(message, {value});
}
