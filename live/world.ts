// live/world.ts: what a comparison needs of a cluster, real or simulated. Everything crosses as protobuf bytes.
// Real time belongs to the real world; in the simulated one `sleep` and `follow` move the virtual clock.

/** How a unary call ended, or that nothing came back in the time a world grants. */
export type Reply =
  | {readonly kind: 'ok'; readonly response: Uint8Array}
  | {readonly kind: 'error'; readonly code: number; readonly message: string}
  | {readonly kind: 'silence'};

/** A unary call that may block on the server (a lock, a campaign). */
export interface PendingCall {
  readonly outcome: Reply | undefined;
  cancel(): void;
}

export type StreamMessage =
  | {readonly kind: 'message'; readonly response: Uint8Array}
  | {readonly kind: 'end'; readonly code: number; readonly message: string};

/** A stream as the client holds it; `received` only grows. */
export interface WorldStream {
  readonly received: readonly StreamMessage[];
  send(request: Uint8Array): void;
  closeSend(): void;
  cancel(): void;
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

export type Metadata = Readonly<Record<string, string>>;

/** One member as both worlds are told about it. */
export interface MemberAddress {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

export interface World {
  readonly name: string;
  readonly members: readonly MemberAddress[];
  call(member: number, path: string, request: Uint8Array, metadata: Metadata): Promise<Reply>;
  begin(member: number, path: string, request: Uint8Array, metadata: Metadata): PendingCall;
  openStream(member: number, path: string, metadata: Metadata): WorldStream;
  http(member: number, port: 'client' | 'peer', path: string): Promise<HttpReply>;
  /** Lets that much of the world's own time pass. */
  sleep(ms: number): Promise<void>;

  /** True where time costs nothing: such a world is moved first, and says what the other is waited for. */
  readonly freeTime: boolean;
  /** The world's own clock, in milliseconds from its start. */
  nowMs(): number;
  /** Ends everything that the world started. */
  close(): Promise<void>;
}

/** One of the worlds came to an end in the middle of a comparison. */
export class WorldDied extends Error {
  override readonly name = 'WorldDied';
  readonly world: string;

  constructor(world: string, message: string, options?: ErrorOptions) {
    super(`the ${world} cluster died: ${message}`, options);
    this.world = world;
  }
}
