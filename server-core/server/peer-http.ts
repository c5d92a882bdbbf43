// server-core/server/peer-http.ts: what a member answers to plain requests on its peer port, by path. etcd: etcdhttp/peer.go.
import type {Fiber} from '../../env/fiber.ts';
import type {PeerHttpHandler, PeerHttpReply, PeerHttpRequest} from '../rafthttp/peer-http.ts';
import {NOT_FOUND} from '../rafthttp/peer-http.ts';

export class PeerHttp {
  private readonly handlers: {readonly prefix: string; readonly handler: PeerHttpHandler}[] = [];

  /** Paths that begin so, or are equal to it where it does not end in '/', are answered by the handler. */
  handles(prefix: string, handler: PeerHttpHandler): void {
    this.handlers.push({prefix, handler});
  }

  *handle(request: PeerHttpRequest): Fiber<PeerHttpReply> {
    const path = request.path.split('?')[0] ?? '';
    const found = this.handlers.find(({prefix}) => (prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix));
    return found === undefined ? NOT_FOUND : yield* found.handler(request);
  }
}
