// server-core/etcdserverpb/message.ts: messages as tables: one definition gives the type, the zero value and the wire codec.
// For everything that is not on the hot path of every write; that is written by hand (kv-codec.ts, txn-codec.ts).
// proto3's rules: zero values take no bytes, fields go out by their numbers, repeated numbers are packed and read either way,
// what this release does not know is passed over. Strings are UTF-8 as byte strings. Broken input throws WireError.
import type {ByteString} from '../../base/byte-string.ts';
import type {ClusterId, Id64, LeaseId, MemberId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import {WIRE_BYTES, WIRE_VARINT, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {enumNumber, readEnum, readInt, skipUnknown} from './fields.ts';

/** How one field's value lies on the wire. */
export interface Field<T> {
  readonly number: number;
  readonly wireType: number;
  readonly zero: T;
  /** Writes the field with its tag unless it is zero. */
  write(writer: WireWriter, value: T): void;
  /** Reads one occurrence; `before` is what the field held so far. */
  read(reader: WireReader, before: T): T;
  /** Repeated numbers come packed into bytes as well. */
  readPacked?(reader: WireReader, before: T): T;
}

type Shape = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** A message's codec. `T` has every field, so that all values have one shape. */
export interface Message<T> {
  /** The value with what is given; the rest is zero. */
  make(given?: Partial<T>): T;
  encode(value: T): Uint8Array;
  /** Throws WireError. */
  decode(bytes: Uint8Array): T;
  write(writer: WireWriter, value: T): void;
  read(reader: WireReader): T;
}

/** The values of a message defined with message(). */
export type MessageOf<M> = M extends Message<infer T> ? T : never;

/** Defines a message; the order of the fields is that of their numbers. */
export function message<S extends Shape>(shape: S): Message<{readonly [K in keyof S]: ValueOf<S[K]>}> {
  type Value = Record<string, unknown>;
  const entries = (Object.entries(shape) as unknown as [string, Field<unknown>][]).sort(
    ([, a], [, b]) => a.number - b.number,
  );
  const zero: Value = Object.fromEntries(entries.map(([name, field]) => [name, field.zero]));
  const byNumber = new Map(entries.map(([name, field]) => [field.number, {name, field}]));
  const write = (writer: WireWriter, value: Value): void => {
    for (const [name, field] of entries) field.write(writer, value[name]);
  };
  const read = (reader: WireReader): Value => {
    const value = {...zero};
    while (reader.more()) {
      const tag = reader.tag();
      const known = byNumber.get(tag >>> 3);
      if (known === undefined) reader.skip(tag);
      else if ((tag & 7) === known.field.wireType) value[known.name] = known.field.read(reader, value[known.name]);
      else if ((tag & 7) === WIRE_BYTES && known.field.readPacked !== undefined) {
        value[known.name] = known.field.readPacked(reader, value[known.name]);
      } else skipUnknown(reader, tag, true);
    }
    return value;
  };
  const codec: Message<Value> = {
    make: (given = {}) => ({...zero, ...given}),
    encode: (value) => {
      const writer = new WireWriter();
      write(writer, value);
      return writer.finish();
    },
    decode: (bytes) => read(new WireReader(bytes)),
    write,
    read,
  };
  return codec as unknown as Message<{readonly [K in keyof S]: ValueOf<S[K]>}>;
}

/** Reads and writes by functions made elsewhere, for messages with a codec by hand. */
export function handMessage<T extends object>(
  zero: T,
  write: (writer: WireWriter, value: T) => void,
  read: (reader: WireReader) => T,
): Message<T> {
  return {
    make: (given = {}) => ({...zero, ...given}),
    encode: (value) => {
      const writer = new WireWriter();
      write(writer, value);
      return writer.finish();
    },
    decode: (bytes) => read(new WireReader(bytes)),
    write,
    read,
  };
}

/** int64, int32, uint64, uint32 within 53 bits. */
export const int = (number: number): Field<number> => ({
  number,
  wireType: WIRE_VARINT,
  zero: 0,
  write: (writer, value) => {
    if (value !== 0) writer.int(number, value);
  },
  read: readInt,
});

export const bool = (number: number): Field<boolean> => ({
  number,
  wireType: WIRE_VARINT,
  zero: false,
  write: (writer, value) => {
    if (value) writer.bool(number, true);
  },
  read: (reader) => reader.bool(),
});

const NO_ID = toId64(0);

function idField<I extends Id64>(number: number): Field<I> {
  return {
    number,
    wireType: WIRE_VARINT,
    zero: NO_ID as I,
    write: (writer, value) => {
      if (value !== NO_ID) writer.id(number, value);
    },
    read: (reader) => reader.varintId() as I,
  };
}

/** A 64-bit id of any kind, signed or not on the wire. */
export const id = (number: number): Field<Id64> => idField(number);
export const leaseId = (number: number): Field<LeaseId> => idField(number);
export const memberId = (number: number): Field<MemberId> => idField(number);
export const clusterId = (number: number): Field<ClusterId> => idField(number);

/** bytes, or a string as its UTF-8 bytes. */
export const text = (number: number): Field<ByteString> => ({
  number,
  wireType: WIRE_BYTES,
  zero: '',
  write: (writer, value) => {
    if (value.length !== 0) writer.text(number, value);
  },
  read: (reader) => reader.text(),
});

/** bytes that are kept as an array: big blobs. */
export const blob = (number: number): Field<Uint8Array> => ({
  number,
  wireType: WIRE_BYTES,
  zero: new Uint8Array(0),
  write: (writer, value) => {
    if (value.length !== 0) writer.bytes(number, value);
  },
  read: (reader) => reader.bytes().slice(),
});

/** An open enum: a name by its number, or the bare number where none is known. */
export const oneOf = <Name extends string>(
  number: number,
  names: readonly [Name, ...Name[]],
): Field<Name | number> => ({
  number,
  wireType: WIRE_VARINT,
  zero: names[0],
  write: (writer, value) => {
    const wire = enumNumber(names, value);
    if (wire !== 0) writer.int(number, wire);
  },
  read: (reader) => readEnum(reader, names),
});

/** An embedded message; undefined where it is absent. */
export const nested = <T>(number: number, of: Message<T>): Field<T | undefined> => ({
  number,
  wireType: WIRE_BYTES,
  zero: undefined,
  write: (writer, value) => {
    if (value !== undefined) writer.bytes(number, of.encode(value));
  },
  read: (reader) => of.read(reader.message()),
});

/** A list of embedded messages. */
export const list = <T>(number: number, of: Message<T>): Field<readonly T[]> => ({
  number,
  wireType: WIRE_BYTES,
  zero: [],
  write: (writer, values) => {
    for (const value of values) writer.bytes(number, of.encode(value));
  },
  read: (reader, before) => [...before, of.read(reader.message())],
});

/** A list of bytes or strings. */
export const texts = (number: number): Field<readonly ByteString[]> => ({
  number,
  wireType: WIRE_BYTES,
  zero: [],
  write: (writer, values) => {
    for (const value of values) writer.text(number, value);
  },
  read: (reader, before) => [...before, reader.text()],
});

/** A list of enum values, packed. */
export const manyOf = <Name extends string>(
  number: number,
  names: readonly [Name, ...Name[]],
): Field<readonly (Name | number)[]> => ({
  number,
  wireType: WIRE_VARINT,
  zero: [],
  write: (writer, values) => {
    if (values.length === 0) return;
    const packed = new WireWriter();
    for (const value of values) packed.varint(enumNumber(names, value));
    writer.bytes(number, packed.finish());
  },
  read: (reader, before) => [...before, readEnum(reader, names)],
  readPacked: (reader, before) => {
    const inner = reader.message();
    const values = [...before];
    while (inner.more()) values.push(readEnum(inner, names));
    return values;
  },
});

/** The tag that `message` fields of this number carry; for envelopes that are read by hand. */
export const messageTag = (number: number): number => wireTag(number, WIRE_BYTES);
