// live/compare/unequal.ts: everything that two correct clusters may answer differently, each with the reason, in one place.
// What is not listed here is compared, field by field. `normalise` makes answers of two worlds comparable.
// Promise: a rule touches the fields that it names and nothing else, and an absent field stays absent.
import {createHash} from 'node:crypto';
import type {Plain} from '../rpc/codec.ts';
import {type Book, type Fields, fieldsOf, textOf} from './book.ts';

/** Stands for a number of milliseconds that may be off by what a second's rounding allows. */
const ABOUT = 'aboutMs';
const ABOUT_TOLERANCE_MS = 1_600;

interface Context {
  readonly book: Book;
  /** The world's own clock when the answer came. */
  readonly nowMs: number;
  /** How many answers the same stream has brought before this one; absent for a unary answer. */
  readonly answersBefore?: number;
}

interface Inequality {
  /** The RPC, or * for all. */
  readonly rpc: string;
  /** Path of the field inside the answer. */
  readonly field: readonly string[];
  readonly reason: string;
  /** What is compared instead. */
  readonly instead: (value: Plain, context: Context, answer: Fields) => Plain;
}

/** Only that the field is there, and whether it is above zero. */
const onlySign = (value: Plain): Plain => (Number(value) > 0 ? '<above zero>' : value);
const sorted = (value: Plain): Plain =>
  Array.isArray(value) ? [...value].sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))) : value;

export const UNEQUAL: readonly Inequality[] = [
  {
    rpc: '*',
    field: ['header', 'raft_term'],
    reason: 'how many elections it took to find a leader depends on timing',
    instead: onlySign,
  },
  {rpc: 'Maintenance/Status', field: ['raftTerm'], reason: 'as raft_term', instead: onlySign},
  {
    rpc: 'Maintenance/Status',
    field: ['raftIndex'],
    reason: 'counts empty entries of elections and proposals that the server makes by itself',
    instead: onlySign,
  },
  {rpc: 'Maintenance/Status', field: ['raftAppliedIndex'], reason: 'as raftIndex', instead: onlySign},
  {
    rpc: 'Maintenance/Status',
    field: ['dbSize'],
    reason: 'the pages of the file depend on when batches were committed (every 100 ms)',
    instead: onlySign,
  },
  {rpc: 'Maintenance/Status', field: ['dbSizeInUse'], reason: 'as dbSize', instead: onlySign},
  {
    rpc: 'Maintenance/Hash',
    field: ['hash'],
    reason: 'covers the whole file: password salts, drawn ids, cluster attributes, marks of compactions under way',
    instead: onlySign,
  },
  {
    rpc: 'Auth/Authenticate',
    field: ['token'],
    reason: 'drawn at random, and it ends in the raft index',
    instead: (value) => (value === '' ? value : '<token>'),
  },
  {
    rpc: 'Maintenance/HashKV',
    field: ['hash'],
    reason:
      'covers the lease ids of keys and the names of lock keys: compared as long as no server drew any (every other seed)',
    instead: (value, {book}) => (book.hasDrawnLease ? onlySign(value) : value),
  },
  {
    rpc: 'Lease/LeaseTimeToLive',
    field: ['TTL'],
    reason: `the clocks differ: compared with the time since the lease was renewed, to within ${ABOUT_TOLERANCE_MS} ms (whole seconds are answered, some ms late)`,
    instead: remaining,
  },
  {
    rpc: 'Lease/LeaseTimeToLive',
    field: ['keys'],
    reason: "the lessor holds a lease's keys in a Go map: every answer has another order",
    instead: sorted,
  },
  {
    rpc: 'Lease/LeaseLeases',
    field: ['leases'],
    reason: 'sorted by expiry, which is one and the same "never" on followers, and ties come in the order of a Go map',
    instead: (value, {book}) =>
      sorted(Array.isArray(value) ? value.map((lease) => renameLease(fieldsOf(lease)?.['ID'] ?? null, book)) : value),
  },
  {
    rpc: 'Maintenance/Alarm',
    field: ['alarms'],
    reason: 'the list is read from a Go map',
    instead: sorted,
  },
  {
    rpc: 'Election/Observe',
    field: ['header', 'revision'],
    reason:
      'answers behind the first carry the header of a watch response or of a new read (clientv3/concurrency, Election.observe): the ' +
      "store's revision when that was packed; compared: that it is not below kv.mod_revision",
    instead: (value, {answersBefore = 0}, answer) =>
      answersBefore > 0 && Number(value) >= Number(fieldsOf(answer['kv'])?.['mod_revision'])
        ? '<not below kv.mod_revision>'
        : value,
  },
  ...['MemberAdd', 'MemberList', 'MemberRemove', 'MemberUpdate', 'MemberPromote'].map((method) => ({
    rpc: `Cluster/${method}`,
    field: ['members'],
    reason: 'sorted by id, and the id of an added member is drawn from the wall clock',
    instead: sorted,
  })),
];

/** Rules on what a value is, wherever it stands. */
export const UNEQUAL_VALUES: readonly string[] = [
  'lease ids, tokens and ids of added members that a server drew: compared by the name of their slot in the plan',
  'lock and election keys end in the lease id in hexadecimal: likewise; <drawn> where the lease is the service’s own',
  'watch: how many events one response holds, and the revision in the header of event responses; compared: where a response too large for one message is cut into fragments',
  'Snapshot: sizes and pages (as dbSize); compared: that the trailing checksum is that of the bytes before, and that they are a bbolt file',
  'HTTP /raft/probing: the wall clock in it',
  'HTTP /members, /livez and /readyz: the order of what is listed (Go maps)',
];

function remaining(value: Plain, {book, nowMs}: Context, answer: Fields): Plain {
  const ttl = Number(value);
  if (ttl < 0) return value;
  const renewedMs = book.renewedMs.get(textOf(answer['ID'])) ?? 0;
  return {[ABOUT]: Math.round(ttl * 1000 + (nowMs - renewedMs))};
}

/** The answer with every inequality taken out. */
export function normalise(rpc: string, answer: Plain, context: Context): Plain {
  const fields = fieldsOf(answer);
  if (fields === undefined) return rename(answer, context.book);
  let result: Fields = fields;
  // Field rules look at raw ids; only sorting needs the names that both worlds share.
  const named = fieldsOf(rename(result, context.book)) ?? {};
  for (const rule of UNEQUAL) {
    if (rule.rpc !== '*' && rule.rpc !== rpc) continue;
    result =
      rule.instead === sorted ? result : replaceAt(result, rule.field, (value) => rule.instead(value, context, fields));
  }
  result = fieldsOf(rename(result, context.book)) ?? {};
  for (const rule of UNEQUAL) {
    if (rule.instead !== sorted || rule.rpc !== rpc) continue;
    result = replaceAt(result, rule.field, () => sorted(named[rule.field[0] ?? ''] ?? null));
  }
  return result;
}

function replaceAt(fields: Fields, path: readonly string[], change: (value: Plain) => Plain): Fields {
  const [head = '', ...rest] = path;
  const value = fields[head];
  if (value === undefined || value === null) return fields;
  if (rest.length === 0) return {...fields, [head]: change(value)};
  const inner = fieldsOf(value);
  return inner === undefined ? fields : {...fields, [head]: replaceAt(inner, rest, change)};
}

const DRAWN_PART = /https?:\/\/127\.0\.0\.1:\d+|127\.0\.0\.1:\d+|\b[0-9a-f]{11,20}\b/g;

/** Replaces what a server drew by the name that both worlds have for it. */
export function rename(value: Plain, book: Book): Plain {
  if (typeof value === 'string') return renameText(value, book);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => rename(item, book));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      LEASE_FIELDS.has(name) ? renameLease(item, book) : rename(item, book),
    ]),
  );
}

/** Fields that hold a lease id, also one that the service drew for itself and that no answer has named yet. */
const LEASE_FIELDS = new Set(['lease']);
const GIVEN_LEASE_MAX = 1n << 40n;

function renameLease(value: Plain, book: Book): Plain {
  if (typeof value !== 'string' || !/^\d+$/.test(value)) return rename(value, book);
  return book.drawn.get(value) ?? (BigInt(value) > GIVEN_LEASE_MAX ? '<drawn>' : value);
}

export function renameText(text: string, book: Book): string {
  const whole = book.drawn.get(text);
  if (whole !== undefined) return whole;
  if (text.length < 12) return text;
  return text.replace(DRAWN_PART, (part, offset: number) => {
    const name = book.drawn.get(part);
    if (name !== undefined) return name;
    return offset > 0 && text[offset - 1] === '/' && /^[0-9a-f]{13,16}$/.test(part) ? '<drawn>' : part;
  });
}

/** Where two normalised answers first differ. */
export interface Mismatch {
  readonly path: string;
  readonly left: Plain | undefined;
  readonly right: Plain | undefined;
}

/** The first field that differs, in the order of the left side's fields. */
export function firstMismatch(left: Plain | undefined, right: Plain | undefined, path = ''): Mismatch | undefined {
  if (left === right) return undefined;
  const here: Mismatch = {path: path === '' ? '(all)' : path, left, right};
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return here;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right)) return here;
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const found = firstMismatch(left[index], right[index], `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [a, b] = [left as Fields, right as Fields];
  if (ABOUT in a && ABOUT in b) {
    return Math.abs(Number(a[ABOUT]) - Number(b[ABOUT])) <= ABOUT_TOLERANCE_MS ? undefined : here;
  }
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstMismatch(a[name], b[name], path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const SHA256_SIZE = 32;
/** bbolt's magic number stands 16 bytes into the first meta page. */
const BOLT_MAGIC_AT = 16;
const BOLT_MAGIC = 0xed0cdaed;

/** What is compared of a snapshot: not its bytes, but that they are whole and what they claim to be. */
export function describeSnapshot(bytes: Buffer): Plain {
  const body = bytes.subarray(0, bytes.length - SHA256_SIZE);
  return {
    checksumFits: createHash('sha256').update(body).digest().equals(bytes.subarray(body.length)),
    bolt: body.length > 4096 && body.readUInt32LE(BOLT_MAGIC_AT) === BOLT_MAGIC,
    wholePages: body.length % 4096 === 0,
  };
}

/** An HTTP body, with lists in a fixed order. */
export function normaliseBody(path: string, body: string, book: Book): Plain {
  if (path.startsWith('/members')) {
    try {
      // Ids are 64-bit numbers in this JSON.
      return sorted(rename(JSON.parse(body.replace(/"id":(\d+)/g, '"id":"$1"')) as Plain, book));
    } catch {
      return body;
    }
  }
  if (path.startsWith('/raft/probing')) return body.replace(/"Now":"[^"]*"/, '"Now":"<wall clock>"');
  if (/^\/(livez|readyz)/.test(path)) return body.split('\n').sort(compareText).join('\n');
  return renameText(body, book);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
