// server-core/api/payloads.ts: what travels between a client and a server: gRPC calls as frames. A call has an id of its own on
// its connection; answers come in any order. The server's first frame tells that it is there (HTTP/2 settings).
import type {Frame} from '../../env/network.ts';
import type {GrpcCode} from '../server/errors.ts';

export type ClientPayload =
  | {readonly kind: 'settings'}
  | {readonly kind: 'call'; readonly id: number; readonly method: Method; readonly request: object}
  | {readonly kind: 'reply'; readonly id: number; readonly response: object}
  | {readonly kind: 'failure'; readonly id: number; readonly code: GrpcCode; readonly message: string};

/** Unary methods, by their gRPC names. */
export type Method = 'KV/Range' | 'KV/Put' | 'KV/DeleteRange' | 'KV/Txn' | 'KV/Compact';

/** HTTP/2 and gRPC framing around a message, roughly. */
const FRAMING_SIZE = 60;

export const clientFrame = (payload: ClientPayload, bodySizeBytes: number): Frame => ({
  payload,
  sizeBytes: FRAMING_SIZE + bodySizeBytes,
});

/** The payload of a frame on a client connection. Both ends are ours, so the shape is known. */
export const clientPayloadOf = (frame: Frame): ClientPayload => frame.payload as ClientPayload;
