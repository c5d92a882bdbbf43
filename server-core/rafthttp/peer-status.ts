// server-core/rafthttp/peer-status.ts: does the connection to one peer work, and since when. etcd: rafthttp/peer_status.go.
import type {MonotonicClock} from '../../env/fiber.ts';

export class PeerStatus {
  private readonly clock: MonotonicClock;
  private sinceUs: number | undefined;

  constructor(clock: MonotonicClock) {
    this.clock = clock;
  }

  activate(): void {
    this.sinceUs ??= this.clock.monotonicUs();
  }

  deactivate(): void {
    this.sinceUs = undefined;
  }

  /** Monotonic microseconds since which the peer is active; undefined while it is not. */
  get activeSinceUs(): number | undefined {
    return this.sinceUs;
  }
}
