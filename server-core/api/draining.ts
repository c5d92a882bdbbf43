// server-core/api/draining.ts: a member that stops lets its clients finish. Seen on real members with a watch open: up to 3.5 they stop at
// once; 3.6 and 3.7 wait for calls and streams as long as a request may take. etcd: Etcd.Close, stopServers (GracefulStop).
// Not modelled: GOAWAY, by which gRPC moves clients elsewhere meanwhile; here calls on connections that are open go on being served.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import {Cell} from '../../env/sync.ts';
import {isSince} from '../release/release.ts';
import type {Answer} from '../server/kv-api.ts';
import type {OpenCall} from './call-context.ts';
import type {ClientServices} from './client-port.ts';
import type {CallFailure, Method} from './payloads.ts';

/** Does the release wait for open calls and streams when it stops? */
export const waitsForCalls = (release: string): boolean => isSince(release, '3.6.0');

/** Services that know how many calls and streams are under way. */
export class DrainableServices implements ClientServices {
  private readonly services: ClientServices;
  private readonly openCount = new Cell(0);

  constructor(services: ClientServices) {
    this.services = services;
  }

  *call(method: Method, request: object, call: OpenCall): Fiber<Answer<object>> {
    this.openCount.set(this.openCount.value + 1);
    try {
      return yield* this.services.call(method, request, call);
    } finally {
      this.openCount.set(this.openCount.value - 1);
    }
  }

  *stream(method: Method, call: OpenCall): Fiber<CallFailure | undefined> {
    this.openCount.set(this.openCount.value + 1);
    try {
      return yield* this.services.stream(method, call);
    } finally {
      this.openCount.set(this.openCount.value - 1);
    }
  }

  http(method: string, path: string): ReturnType<ClientServices['http']> {
    return this.services.http(method, path);
  }

  /** Until nothing is under way, or the time is over. */
  *drain(env: Env, timeoutUs: number): Fiber<void> {
    const idle = this.openCount.satisfies((count) => count === 0);
    const outcome = yield* select(env, {idle, deadline: after(env.clock, timeoutUs)});
    env.trace.mark(outcome.kind === 'idle' ? 'stop: calls and streams have ended' : 'stop: streams were cut');
  }
}
