// server-core/etcdserverpb/server-stream.ts: a streaming call as the server's side of it sees it, whatever carries it.
import type {Fiber, Waitable} from '../../env/fiber.ts';

/** A bidirectional call: requests come in, responses go out, either end may finish. */
export interface ServerStream<Request, Response> {
  /** Ready with the next request, or with undefined once the client has closed its side (again and again then). */
  readonly receive: Waitable<Request | undefined>;
  /** Ready once the call is over for both sides: cancelled by the client, connection lost, server stopping. */
  readonly ended: Waitable<void>;
  /** Sends a response; waits while the flow-control window is full. False: the call is over and nothing was sent. */
  send(response: Response): Fiber<boolean>;
}
