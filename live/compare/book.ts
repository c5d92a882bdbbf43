// live/compare/book.ts: what is known of a run so far, and what references stand for in each world.
// One Book a world holds what its servers drew; Shared holds what both were seen to agree on.
import {assert} from '../../base/assert.ts';
import type {Binding, Caller, Reference, SingleOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import type {World} from '../world.ts';

/** Stands for a lease that was never granted, in both worlds. */
const NO_LEASE = '7777777';
const NO_MEMBER = '1234567';
const FORGED_TOKEN = 'forgedforgedforg.1';

/** Fields of a decoded answer. */
export type Fields = {readonly [field: string]: Plain};

/** One world's side. */
export interface Book {
  readonly leases: Map<number, string>;
  readonly tokens: Map<string, string>;
  /** The first token of each user that a newer one replaced. */
  readonly staleTokens: Map<string, string>;
  readonly added: Map<number, string>;
  readonly locks: Map<number, string>;
  readonly leaders: Map<number, Plain>;
  readonly memberIds: string[];
  /** Each value that this world drew, and the name that both worlds have for it. */
  readonly drawn: Map<string, string>;
  /** When each lease was last granted or renewed, on this world's clock. */
  readonly renewedMs: Map<string, number>;
  /** A server has drawn a lease id, which may be part of stored keys from then on. */
  hasDrawnLease: boolean;
  addedCount: number;
  /** The id of the leader that all members named last. */
  leader: string;
}

/** What both worlds agree on. */
export interface Shared {
  headRevision: number;
  compactedRevision: number;
  authEnabled: boolean;
}

export function emptyBook(): Book {
  return {
    leases: new Map(),
    tokens: new Map(),
    staleTokens: new Map(),
    added: new Map(),
    locks: new Map(),
    leaders: new Map(),
    memberIds: [],
    drawn: new Map(),
    renewedMs: new Map(),
    hasDrawnLease: false,
    addedCount: 0,
    leader: '',
  };
}

export function fieldsOf(value: Plain | undefined): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function textOf(value: Plain | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The request with every reference replaced by what it stands for in that world. */
export function resolve(request: Plain, book: Book, shared: Shared, world: World): Plain {
  if (request === null || typeof request !== 'object') return request;
  if (Array.isArray(request)) return request.map((item) => resolve(item, book, shared, world));
  if ('$' in request) return resolveReference(request as unknown as Reference, book, shared, world);
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => [name, resolve(value, book, shared, world)]),
  );
}

function resolveReference(reference: Reference, book: Book, shared: Shared, world: World): Plain {
  switch (reference.$) {
    case 'lease':
      return book.leases.get(reference.slot) ?? NO_LEASE;
    case 'rev':
      return Math.max(0, (reference.from === 'head' ? shared.headRevision : shared.compactedRevision) + reference.plus);
    case 'member':
      return book.memberIds[reference.index] ?? NO_MEMBER;
    case 'added':
      return book.added.get(reference.slot) ?? NO_MEMBER;
    case 'url':
      return world.members[reference.of]?.peerUrl ?? 'http://127.0.0.1:1';
    case 'lock':
      return book.locks.get(reference.slot) ?? `nolock${reference.slot}/1`;
    case 'leader':
      return book.leaders.get(reference.slot) ?? {name: 'nobody', key: 'nobody/1', rev: '1', lease: NO_LEASE};
    case 'repeat':
      return reference.text.repeat(reference.count);
  }
}

/** The metadata that a caller sends. */
export function metadataOf(caller: Caller, book: Book, shared: Shared): Record<string, string> {
  const token = tokenOf(caller, book, shared);
  return token === undefined ? {} : {token};
}

/** The metadata of an operation: who asks, and whether a leader is required. */
export function metadataOfOp(
  {as, requireLeader}: Pick<SingleOp & {readonly op: 'call' | 'begin' | 'send'}, 'as' | 'requireLeader'>,
  book: Book,
  shared: Shared,
): Record<string, string> {
  const metadata = metadataOf(as, book, shared);
  return requireLeader === true ? {...metadata, hasleader: 'true'} : metadata;
}

function tokenOf(caller: Caller, book: Book, shared: Shared): string | undefined {
  switch (caller) {
    case 'nobody':
      return undefined;
    case 'forged':
      return FORGED_TOKEN;
    case 'stale':
      return book.staleTokens.get('alice') ?? book.staleTokens.get('root') ?? FORGED_TOKEN;
    case 'auto':
      return shared.authEnabled ? book.tokens.get('root') : undefined;
    default:
      return book.tokens.get(caller);
  }
}

/** Writes down what an answer leaves behind. */
export function bindAnswer(binding: Binding, answer: Fields, book: Book): void {
  const {kind, slot} = binding;
  switch (kind) {
    case 'lease':
      return bindLease(slot as number, textOf(answer['ID']), book);
    case 'token': {
      const token = textOf(answer['token']);
      const before = book.tokens.get(String(slot));
      if (before !== undefined && !book.staleTokens.has(String(slot))) book.staleTokens.set(String(slot), before);
      book.tokens.set(String(slot), token);
      book.drawn.set(token, `<token of ${slot}>`);
      return;
    }
    case 'member': {
      const id = textOf(fieldsOf(answer['member'])?.['ID']);
      book.added.set(slot as number, id);
      return;
    }
    case 'lock': {
      const lockKey = textOf(answer['key']);
      book.locks.set(slot as number, lockKey);
      const suffix = /\/([0-9a-f]{11,16})$/.exec(lockKey)?.[1];
      if (suffix !== undefined) bindOwnLease(slot as number, BigInt(`0x${suffix}`).toString(), book);
      return;
    }
    case 'leader': {
      book.leaders.set(slot as number, answer['leader'] ?? null);
      bindOwnLease(slot as number, textOf(fieldsOf(answer['leader'])?.['lease']), book);
      return;
    }
  }
}

/** Every added member gets a name, whether or not a later operation refers to it. */
export function nameAdded(answer: Fields, book: Book): void {
  const id = textOf(fieldsOf(answer['member'])?.['ID']);
  book.addedCount++;
  book.drawn.set(id, `<added member ${book.addedCount}>`);
  if (id !== '') book.drawn.set(BigInt(id).toString(16), `<added member ${book.addedCount}>`);
}

/** Ids above this were drawn by a server; plans give small ones. */
const GIVEN_ID_MAX = 1n << 40n;

/** A lock or election without a lease gets one from the server, known only by the key's name. */
function bindOwnLease(slot: number, id: string, book: Book): void {
  if (id !== '' && !book.drawn.has(id)) bindLease(slot, id, book);
}

function bindLease(slot: number, id: string, book: Book): void {
  assert(id !== '', 'a granted lease has an id', {slot});
  book.leases.set(slot, id);
  const number = BigInt(id);
  if (number <= GIVEN_ID_MAX) return;
  book.hasDrawnLease = true;
  const name = `<lease of slot ${slot}>`;
  book.drawn.set(id, name);
  book.drawn.set(number.toString(16), name);
}

/** Takes over what any answer's header tells: the newest revision. */
export function noteHeader(answer: Fields, shared: Shared): void {
  const revision = Number(textOf(fieldsOf(answer['header'])?.['revision']));
  if (revision > shared.headRevision) shared.headRevision = revision;
}
