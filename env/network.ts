// env/network.ts: what a server may ask of the network: TCP-like connections that carry frames.
// Delivery contract: inside one connection frames arrive in order and at most once, or the connection ends; a reset may
// lose any tail. An orderly close delivers what was sent before it. A peer that vanished without a word (power cut,
// partition) is noticed only by silence: timeouts are the user's business. Frames are shared by reference between the
// simulated processes: nobody may change a payload after sending it.
import type {Fiber, Waitable} from './fiber.ts';

export type NetworkErrorCode = 'refused' | 'timeout' | 'reset' | 'closed' | 'address-in-use';

/** Dialling or sending failed. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;
  constructor(code: NetworkErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** One message on a connection. The size counts against bandwidth and buffers. */
export interface Frame {
  readonly payload: object;
  readonly sizeBytes: number;
}

export interface Connection {
  /** 'host:port' of this side and of the other. */
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Waits while the send buffer is full; throws NetworkError once the connection is closed or reset. */
  send(frame: Frame): Fiber<void>;
  /** Sends if the buffer has room; false if not; throws as send(). */
  trySend(frame: Frame): boolean;
  /** Ready when a frame waits or the connection has ended; takes the frame, or undefined at the end. */
  readonly receive: Waitable<Frame | undefined>;
  /** Ready once this side knows that the connection has ended, read or not. For writers, which never receive. */
  readonly ended: Waitable<void>;
  /** How it ended, as far as this side knows; undefined while it lives. */
  readonly ending: 'closed' | 'reset' | undefined;
  /** Orderly: frames sent before still arrive. */
  close(): void;
  /** At once: frames under way may be lost. */
  reset(): void;
}

export interface Listener {
  readonly address: string;
  /** Ready when a dialled connection waits or the listener is closed; undefined when closed. */
  readonly accept: Waitable<Connection | undefined>;
  close(): void;
}

export interface Network {
  /** The name under which others reach this machine. */
  readonly host: string;
  /** Throws NetworkError 'address-in-use'. */
  listen(port: number): Listener;
  /** Connects to 'host:port'; throws NetworkError 'refused' or, after timeoutUs, 'timeout'. */
  dial(address: string, timeoutUs: number): Fiber<Connection>;
}
