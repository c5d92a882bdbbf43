// server-core/api/message-limit.ts: how long a message gRPC reads, and what it says of a longer one. etcd: v3rpc/grpc.go (Server).
import {isSince} from '../release/release.ts';
import type {CallFailure} from './payloads.ts';

/** grpcOverheadBytes: what a message may have beyond --max-request-bytes. */
const GRPC_OVERHEAD_BYTES = 512 * 1024;
/** gRPC's own limit, for servers that set none: up to 3.2.9. */
const GRPC_BYTES_MAX = 4 * 1024 * 1024;

export interface MessageLimit {
  readonly bytesMax: number;
  /** Of a message with so many bytes. */
  readonly refusal: (sizeBytes: number) => CallFailure;
}

/** The limit of a release with that --max-request-bytes, an option that came together with the server's own limit (3.2.10). */
export function messageLimitOf(release: string, maxRequestBytes: number): MessageLimit {
  if (!isSince(release, '3.2.10')) {
    return {
      bytesMax: GRPC_BYTES_MAX,
      refusal: (sizeBytes) => ({
        code: 'Internal',
        message: `grpc: received message length ${sizeBytes} exceeding the max size ${GRPC_BYTES_MAX}`,
      }),
    };
  }
  const bytesMax = maxRequestBytes + GRPC_OVERHEAD_BYTES;
  return {
    bytesMax,
    refusal: (sizeBytes) => ({
      code: 'ResourceExhausted',
      message: `grpc: received message larger than max (${sizeBytes} vs. ${bytesMax})`,
    }),
  };
}
