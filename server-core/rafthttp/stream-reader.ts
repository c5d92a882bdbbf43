// server-core/rafthttp/stream-reader.ts: the receiving end of one stream from one peer. etcd: rafthttp/stream.go, streamReader.
// It dials the peer, asks for the stream and hands what comes to raft; ten attempts a second at most. Forwarded proposals go
// through a queue of their own, because they may have to wait for a leader.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber, FiberHandle} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import type {Channel} from '../../env/sync.ts';
import type {Message} from '../raftpb/types.ts';
import type {StreamKind} from './payloads.ts';
import {frameOf, payloadOf} from './payloads.ts';
import type {PeerStatus} from './peer-status.ts';
import type {TransportContext} from './raft-port.ts';
import {CONNECTION_TIMEOUT_US} from './stream-writer.ts';

/** DialRetryFrequency. */
const DIAL_EVERY_US = 100_000;

export interface StreamReaderOptions {
  readonly peer: MemberId;
  /** 'host:port' of the peer, as it is when dialling. */
  readonly address: () => string;
  readonly stream: StreamKind;
  readonly status: PeerStatus;
  readonly proposals: Channel<Message>;
}

export class StreamReader {
  private readonly context: TransportContext;
  private readonly options: StreamReaderOptions;
  private lastFrameUs = 0;

  constructor(context: TransportContext, options: StreamReaderOptions) {
    this.context = context;
    this.options = options;
  }

  /** The reader's loop. */
  *run(): Fiber<never> {
    const {clock} = this.context.env;
    for (;;) {
      const startedUs = clock.monotonicUs();
      const connection = yield* this.dial();
      if (connection === undefined) this.options.status.deactivate();
      else yield* this.readUntilItEnds(connection);
      const nextUs = startedUs + DIAL_EVERY_US;
      if (clock.monotonicUs() < nextUs) yield* sleepUs(clock, nextUs - clock.monotonicUs());
    }
  }

  private *dial(): Fiber<Connection | undefined> {
    const {env, id, clusterId, serverVersion, minClusterVersion, dialTimeoutUs, raft} = this.context;
    const {peer, address, stream} = this.options;
    let connection: Connection | undefined;
    try {
      connection = yield* env.network.dial(address(), dialTimeoutUs);
      const header = {from: id, to: peer, clusterId, serverVersion, minClusterVersion};
      connection.trySend(frameOf({kind: 'stream-request', stream, header}, 0));
      const reply = yield* select(env, {frame: connection.receive, timeout: after(env.clock, CONNECTION_TIMEOUT_US)});
      const payload = reply.kind === 'frame' && reply.value !== undefined ? payloadOf(reply.value) : undefined;
      if (payload?.kind === 'status' && payload.status === 200) return connection;
      if (payload?.kind === 'status' && payload.status === 410) raft.memberRemoved();
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
    connection?.close();
    return undefined;
  }

  private *readUntilItEnds(connection: Connection): Fiber<void> {
    const {env} = this.context;
    const {receive} = connection;
    this.options.status.activate();
    this.lastFrameUs = env.clock.monotonicUs();
    const watchdog: FiberHandle<void> = env.spawn('stream-watchdog', this.closeWhenSilent(connection));
    for (;;) {
      while (!receive.ready()) yield receive;
      const frame = receive.take();
      if (frame === undefined) break;
      this.lastFrameUs = env.clock.monotonicUs();
      const payload = payloadOf(frame);
      if (payload.kind === 'raft') this.deliver(payload.message);
    }
    watchdog.cancel();
    if (connection.ending === 'reset') this.options.status.deactivate();
    connection.close();
  }

  private deliver(message: Message): void {
    if (message.type !== 'MsgProp') this.context.raft.process(message);
    else if (!this.options.proposals.trySend(message)) this.context.env.trace.mark('rafthttp: proposal queue full');
  }

  /** The read timeout of the connection: a healthy peer sends a link heartbeat three times in it. */
  private *closeWhenSilent(connection: Connection): Fiber<void> {
    const {clock, trace} = this.context.env;
    for (;;) {
      const dueUs = this.lastFrameUs + CONNECTION_TIMEOUT_US;
      const nowUs = clock.monotonicUs();
      if (nowUs >= dueUs) break;
      yield* sleepUs(clock, dueUs - nowUs);
    }
    trace.mark('rafthttp: stream timed out');
    connection.reset();
  }
}
