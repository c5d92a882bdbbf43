// server-core/rafthttp/payloads.ts: what travels between members: one payload a frame.
// etcd speaks HTTP here; what counts for behaviour is which connection a message takes, what is asked before it may be
// used, and how large it is. Payloads are shared by reference and never changed.
import type {ClusterId, MemberId} from '../../base/ids.ts';
import type {Connection, Frame} from '../../env/network.ts';
import type {Message} from '../raftpb/types.ts';

/** msgapp carries MsgApp only; message carries the rest and, when the other is down, MsgApp too. */
export type StreamKind = 'msgapp' | 'message';

/** Who asks, for which cluster and member: the headers of every request between peers. */
export interface PeerHeader {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly clusterId: ClusterId;
  readonly serverVersion: string;
  readonly minClusterVersion: string;
}

export type PeerPayload =
  | {readonly kind: 'stream-request'; readonly stream: StreamKind; readonly header: PeerHeader}
  | {readonly kind: 'post'; readonly header: PeerHeader; readonly message: Message}
  | {
      readonly kind: 'snapshot-head';
      readonly header: PeerHeader;
      readonly message: Message;
      readonly dbSizeBytes: number;
    }
  | {readonly kind: 'snapshot-chunk'; readonly bytes: Uint8Array}
  | {readonly kind: 'status'; readonly status: PeerStatusCode; readonly text: string}
  | {readonly kind: 'raft'; readonly message: Message}
  | {readonly kind: 'link-heartbeat'}
  | {readonly kind: 'http'; readonly method: 'GET' | 'POST'; readonly path: string; readonly body: Uint8Array}
  | {readonly kind: 'http-reply'; readonly status: number; readonly body: Uint8Array};

/** HTTP status codes that rafthttp gives a meaning to. */
export type PeerStatusCode = 200 | 204 | 403 | 404 | 405 | 410 | 412 | 500;

const HEADER_SIZE = 350; // the request line and the X-Etcd headers of rafthttp, roughly

/** A frame with the size that the payload would have on the wire. */
export function frameOf(payload: PeerPayload, bodySizeBytes: number): Frame {
  return {payload, sizeBytes: bodySizeBytes + (isRequest(payload) ? HEADER_SIZE : 8)};
}

function isRequest(payload: PeerPayload): boolean {
  return payload.kind !== 'raft' && payload.kind !== 'link-heartbeat' && payload.kind !== 'snapshot-chunk';
}

/** The payload of a frame that came in on a peer port. Both ends are ours, so the shape is known. */
export function payloadOf(frame: Frame): PeerPayload {
  return frame.payload as PeerPayload;
}

/** An error answer on a connection; the connection's end is the other side's business. */
export function answer(connection: Connection, status: PeerStatusCode, text: string): void {
  if (connection.ending !== undefined) return;
  connection.trySend(frameOf({kind: 'status', status, text}, text.length));
}
