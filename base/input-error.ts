// base/input-error.ts: what we say when somebody hands us something we cannot use.
// Promise: one line that names the place and the way out; the command line prints it and exits with code 2.

/** Bad input by the user: a broken file, an unknown name, a number out of range. Not a bug of ours. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
