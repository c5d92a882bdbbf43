// server-core/membership/process-end.ts: where etcd ends its own process with a text: log.Fatal and log.Panic about what it was given
// (a cluster too new for it, a log it cannot read). The release in use makes it so: it is not a defect of this program.

/** The server's process is over. The message is what the release's log line says. */
export class ServerEnded extends Error {
  override readonly name = 'ServerEnded';
  readonly details: Readonly<Record<string, string>>;
  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.details = details;
  }
}
