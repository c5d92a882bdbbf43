// server-core/api/payloads.ts: what travels between a client and a server: gRPC calls and streams as frames. A call has an id of its
// own on its connection; answers come in any order. The server's first frame tells that it is there (HTTP/2 settings).
import type {Frame} from '../../env/network.ts';
import type {Method} from '../etcdserverpb/rpc.ts';
import type {GrpcCode} from '../server/errors.ts';

export type {Method} from '../etcdserverpb/rpc.ts';

/** gRPC metadata that etcd reads. */
export interface CallMetadata {
  /** `token`: who asks. */
  readonly token?: string;
  /** `hasleader: true`: refuse, or end a stream, while no leader is known. */
  readonly requiresLeader?: boolean;
}

/** How a call ended without a response, or a stream at all. */
export interface CallFailure {
  readonly code: GrpcCode;
  readonly message: string;
}

export type ClientPayload =
  | {readonly kind: 'settings'}
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly method: Method;
      readonly request: object;
      readonly metadata?: CallMetadata;
    }
  | {readonly kind: 'reply'; readonly id: number; readonly response: object}
  | {readonly kind: 'failure'; readonly id: number; readonly code: GrpcCode; readonly message: string}
  /** A stream begins; requests and responses are `message` frames. */
  | {readonly kind: 'open'; readonly id: number; readonly method: Method; readonly metadata?: CallMetadata}
  | {readonly kind: 'message'; readonly id: number; readonly message: object}
  /** The client sends no more on its stream. */
  | {readonly kind: 'half-close'; readonly id: number}
  /** The client gives a call or a stream up (RST_STREAM). */
  | {readonly kind: 'cancel'; readonly id: number}
  /** The server has ended a stream; without a failure it ended well. */
  | {readonly kind: 'end'; readonly id: number; readonly failure?: CallFailure}
  /** A plain HTTP request on the client port, and its answer. */
  | {readonly kind: 'http'; readonly id: number; readonly method: string; readonly path: string}
  | {readonly kind: 'http-reply'; readonly id: number; readonly status: number; readonly body: string};

/** HTTP/2 and gRPC framing around a message, roughly. */
const FRAMING_SIZE = 60;

/** The message in a frame, without the framing. */
export const messageSizeOf = (frame: Frame): number => frame.sizeBytes - FRAMING_SIZE;

export const clientFrame = (payload: ClientPayload, bodySizeBytes: number): Frame => ({
  payload,
  sizeBytes: FRAMING_SIZE + bodySizeBytes,
});

/** The payload of a frame on a client connection. Both ends are ours, so the shape is known. */
export const clientPayloadOf = (frame: Frame): ClientPayload => frame.payload as ClientPayload;
