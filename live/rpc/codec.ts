// live/rpc/codec.ts: the wire form of every request and answer, from our own .proto files and protobufjs.
// Both worlds exchange protobuf bytes only, made and read here: the server-core's hand-written codecs are thus tested by a
// second implementation. In plain form a bytes field is a string with one character a byte, so that plans are JSON.
// Promise: encode(decode(x)) names the same message; unknown enum numbers stay numbers.
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {loadSync, type MethodDefinition} from '@grpc/proto-loader';
import {assert} from '../../base/assert.ts';

/** In the published package they lie beside the bundle. */
function protoFolder(): string {
  const [source, bundled] = ['../proto/', './proto/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return source !== undefined && existsSync(source) ? source : (bundled ?? '');
}

/** JSON as plans hold it. */
export type Plain = null | boolean | number | string | readonly Plain[] | {readonly [field: string]: Plain};

const FILES = [
  'kv-service.proto',
  'lease-service.proto',
  'cluster-service.proto',
  'auth-service.proto',
  'election.proto',
  'lock.proto',
];

/** Longer byte strings are compared and shown by length and digest. */
const SHOWN_BYTES_MAX = 512;

interface FieldShape {
  readonly bytes: boolean;
  readonly message: string | undefined;
}
type MessageShape = ReadonlyMap<string, FieldShape>;

/** One RPC: `KV/Range` is at the path /etcdserverpb.KV/Range. */
export interface Rpc {
  readonly name: string;
  readonly path: string;
  readonly streaming: boolean;
  readonly definition: MethodDefinition<object, object>;
  readonly requestType: string;
}

export interface Codec {
  rpc(name: string): Rpc;
  /** Names of all RPCs, in the order of the files. */
  readonly names: readonly string[];
  encode(rpc: Rpc, request: Plain): Uint8Array;
  /** The answer with every field present, bytes as text. */
  decode(rpc: Rpc, response: Uint8Array): Plain;
}

interface DescriptorField {
  readonly name: string;
  readonly type: string;
  readonly typeName: string;
}

function shapeOf(fields: readonly DescriptorField[]): MessageShape {
  return new Map(
    fields.map(({name, type, typeName}) => [
      name,
      {bytes: type === 'TYPE_BYTES', message: type === 'TYPE_MESSAGE' ? typeName.split('.').at(-1) : undefined},
    ]),
  );
}

/** Reads the .proto files beside this module. */
export function loadCodec(): Codec {
  const definition = loadSync(FILES, {
    includeDirs: [protoFolder()],
    keepCase: true,
    longs: String,
    enums: String,
    bytes: Buffer,
    defaults: true,
    oneofs: true,
  });
  const shapes = new Map<string, MessageShape>();
  const rpcs = new Map<string, Rpc>();
  for (const [fullName, entry] of Object.entries(definition)) {
    const shortName = fullName.split('.').at(-1) ?? fullName;
    if ('format' in entry) {
      const {type} = entry as unknown as {type: {field?: readonly DescriptorField[]}};
      if (type.field !== undefined) shapes.set(shortName, shapeOf(type.field));
      continue;
    }
    for (const [method, given] of Object.entries(entry as Readonly<Record<string, MethodDefinition<object, object>>>)) {
      const name = `${shortName}/${method}`;
      const requestType = (given.requestType.type as {name: string}).name;
      const streaming = given.requestStream || given.responseStream;
      rpcs.set(name, {name, path: given.path, streaming, definition: given, requestType});
    }
  }
  return {
    names: [...rpcs.keys()],
    rpc(name) {
      const found = rpcs.get(name);
      assert(found !== undefined, 'no such RPC', {name});
      return found;
    },
    encode: (rpc, request) => rpc.definition.requestSerialize(toMessage(shapes, rpc.requestType, request) as object),
    decode: (rpc, response) => toPlain(rpc.definition.responseDeserialize(Buffer.from(response))),
  };
}

function toMessage(shapes: ReadonlyMap<string, MessageShape>, type: string, value: Plain): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => toMessage(shapes, type, item));
  const shape = shapes.get(type);
  assert(shape !== undefined, 'no such message', {type});
  const message: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const field = shape.get(name);
    assert(field !== undefined, 'no such field', {type, name});
    // Writers of proto3 leave empty bytes out; only in a oneof is an empty value a value.
    if (field.bytes && item === '' && !(type === 'Compare' && name === 'value')) continue;
    if (field.bytes) message[name] = Array.isArray(item) ? item.map(toBuffer) : toBuffer(item);
    else message[name] = field.message === undefined ? item : toMessage(shapes, field.message, item);
  }
  return message;
}

function toBuffer(text: Plain): Buffer {
  assert(typeof text === 'string', 'a bytes field takes text', {text});
  return Buffer.from(text, 'latin1');
}

function toPlain(value: unknown): Plain {
  if (Buffer.isBuffer(value)) return bytesText(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toPlain(item)]));
  }
  return value as Plain;
}

/** Bytes as text, one character a byte; long ones by their beginning, length and digest. */
export function bytesText(bytes: Buffer): string {
  if (bytes.length <= SHOWN_BYTES_MAX) return bytes.toString('latin1');
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return `${bytes.toString('latin1', 0, 16)}… ${bytes.length} bytes, sha256 ${digest}`;
}
