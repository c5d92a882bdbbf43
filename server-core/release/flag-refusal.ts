// server-core/release/flag-refusal.ts: a command line that a release of etcd does not take.

/** The message is etcd's own; the process that is started with such flags ends with it. */
export class FlagRefusal extends Error {
  override readonly name = 'FlagRefusal';
}
