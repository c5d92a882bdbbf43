// server-core/v2store/save.ts: the v2 store as the JSON that a .snap file carries, byte for byte as etcd's SaveNoCopy writes it,
// and back. Field names and their order are those of the Go structs; maps go by key.
// Source: v2store/store.go (Save, Recovery), node.go, event_history.go, stats.go.
import {InvariantError} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {HistoryState, V2Action, V2Event} from './events.ts';
import {STAT_NAMES} from './events.ts';
import {goJsonString, goTime, parseGoTime, ZERO_TIME} from './go-json.ts';
import type {ShownNode} from './node.ts';
import {V2Node} from './node.ts';
import type {V2Store} from './store.ts';

/** The store's JSON. Equal stores give equal bytes. */
export function saveV2Store(store: V2Store): Uint8Array {
  const stats = STAT_NAMES.map((name) => `"${name}":${store.stats[name]}`).join(',');
  const fields = [
    `"Root":${nodeJson(store.root)}`,
    `"WatcherHub":{"EventHistory":${historyJson(store.history.save())}}`,
    `"CurrentIndex":${store.currentIndex}`,
    `"Stats":{${stats}}`,
    `"CurrentVersion":${store.currentVersion}`,
  ];
  return new TextEncoder().encode(`{${fields.join(',')}}`);
}

function nodeJson(node: V2Node): string {
  const children = node.sortedChildren().map((child) => `${goJsonString(child.name)}:${nodeJson(child)}`);
  const expireTime = node.expireNs === undefined ? ZERO_TIME : goTime(node.expireNs);
  return (
    `{"Path":${goJsonString(node.path)},"CreatedIndex":${node.createdIndex},"ModifiedIndex":${node.modifiedIndex},` +
    `"ExpireTime":"${expireTime}","Value":${goJsonString(node.value)},` +
    `"Children":${node.isDirectory ? `{${children.join(',')}}` : 'null'}}`
  );
}

function historyJson({events, size, front, back, capacity, startIndex, lastIndex}: HistoryState): string {
  const places = events.map((event) => (event === undefined ? 'null' : eventJson(event)));
  return (
    `{"Queue":{"Events":[${places.join(',')}],"Size":${size},"Front":${front},"Back":${back},"Capacity":${capacity}},` +
    `"StartIndex":${startIndex},"LastIndex":${lastIndex}}`
  );
}

function eventJson({action, node, prevNode, refresh}: V2Event): string {
  const fields = [`"action":"${action}"`, `"node":${shownJson(node)}`];
  if (prevNode !== undefined) fields.push(`"prevNode":${shownJson(prevNode)}`);
  if (refresh) fields.push('"refresh":true');
  return `{${fields.join(',')}}`;
}

/** A node as in an event or in an answer: empty fields are left out. */
function shownJson(node: ShownNode): string {
  const fields: string[] = [];
  if (node.key !== '') fields.push(`"key":${goJsonString(node.key)}`);
  if (node.value !== undefined) fields.push(`"value":${goJsonString(node.value)}`);
  if (node.dir) fields.push('"dir":true');
  if (node.expirationNs !== undefined) fields.push(`"expiration":"${goTime(node.expirationNs)}"`);
  if (node.ttl !== 0) fields.push(`"ttl":${node.ttl}`);
  if (node.nodes !== undefined && node.nodes.length > 0)
    fields.push(`"nodes":[${node.nodes.map(shownJson).join(',')}]`);
  if (node.modifiedIndex !== 0) fields.push(`"modifiedIndex":${node.modifiedIndex}`);
  if (node.createdIndex !== 0) fields.push(`"createdIndex":${node.createdIndex}`);
  return `{${fields.join(',')}}`;
}

interface NodeText {
  readonly Path?: string;
  readonly CreatedIndex?: number;
  readonly ModifiedIndex?: number;
  readonly ExpireTime?: string;
  readonly Value?: string;
  readonly Children?: Readonly<Record<string, NodeText>> | null;
}

interface ShownText {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly expiration?: string;
  readonly ttl?: number;
  readonly nodes?: readonly ShownText[];
  readonly modifiedIndex?: number;
  readonly createdIndex?: number;
}

interface EventText {
  readonly action: V2Action;
  readonly node: ShownText;
  readonly prevNode?: ShownText;
  readonly refresh?: boolean;
}

interface StoreText {
  readonly Root?: NodeText;
  readonly WatcherHub?: {
    readonly EventHistory?: {
      readonly Queue: {
        readonly Events: readonly (EventText | null)[];
        readonly Size: number;
        readonly Front: number;
        readonly Back: number;
        readonly Capacity: number;
      };
      readonly StartIndex: number;
      readonly LastIndex: number;
    };
  };
  readonly CurrentIndex?: number;
  readonly Stats?: Readonly<Record<string, number>>;
  readonly CurrentVersion?: number;
}

/**
 * Fills a fresh store from its JSON; the directories that it has already stay when the text does not name them. Throws
 * InvariantError for anything else than such a text: it lay behind a checksum, and etcd panics.
 */
export function recoverV2Store(store: V2Store, bytes: Uint8Array): void {
  const text = parse(bytes);
  if (text.Root !== undefined) recoverNode(store.root, text.Root);
  const history = text.WatcherHub?.EventHistory;
  if (history !== undefined) store.history.recover(historyOf(history));
  store.currentIndex = text.CurrentIndex ?? 0;
  for (const name of STAT_NAMES) store.stats[name] = text.Stats?.[name] ?? 0;
  store.currentVersion = text.CurrentVersion ?? store.currentVersion;
}

function parse(bytes: Uint8Array): StoreText {
  try {
    return JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes)) as StoreText;
  } catch (error) {
    throw new InvariantError('the v2 store of a snapshot is no JSON', {size: bytes.length, error: String(error)});
  }
}

/** Reads `text` into a node that is there: root and namespaces keep their place. */
function recoverNode(node: V2Node, text: NodeText): void {
  node.modifiedIndex = text.ModifiedIndex ?? 0;
  for (const [name, child] of Object.entries(text.Children ?? {})) {
    node.children?.set(fromUtf8Text(name), nodeOf(child, node));
  }
}

function nodeOf(text: NodeText, parent: V2Node): V2Node {
  const isDirectory = text.Children !== undefined && text.Children !== null;
  const expire = text.ExpireTime === undefined || text.ExpireTime === ZERO_TIME ? undefined : text.ExpireTime;
  const node = new V2Node({
    path: fromUtf8Text(text.Path ?? ''),
    createdIndex: text.CreatedIndex ?? 0,
    parent,
    expireNs: timeOf(expire),
    value: fromUtf8Text(text.Value ?? ''),
    isDirectory,
  });
  recoverNode(node, text);
  return node;
}

function historyOf(history: NonNullable<NonNullable<StoreText['WatcherHub']>['EventHistory']>): HistoryState {
  const {Queue, StartIndex, LastIndex} = history;
  return {
    events: Queue.Events.map((event) => (event === null ? undefined : eventOf(event))),
    size: Queue.Size,
    front: Queue.Front,
    back: Queue.Back,
    capacity: Queue.Capacity,
    startIndex: StartIndex,
    lastIndex: LastIndex,
  };
}

function eventOf({action, node, prevNode, refresh}: EventText): V2Event {
  const shown = shownOf(node);
  return {
    action,
    node: shown,
    prevNode: prevNode === undefined ? undefined : shownOf(prevNode),
    refresh: refresh ?? false,
    etcdIndex: 0,
  };
}

function shownOf(text: ShownText): ShownNode {
  return {
    key: fromUtf8Text(text.key ?? ''),
    value: optionalBytes(text.value),
    dir: text.dir ?? false,
    expirationNs: timeOf(text.expiration),
    ttl: text.ttl ?? 0,
    nodes: text.nodes?.map(shownOf),
    modifiedIndex: text.modifiedIndex ?? 0,
    createdIndex: text.createdIndex ?? 0,
  };
}

function optionalBytes(text: string | undefined): ByteString | undefined {
  return text === undefined ? undefined : fromUtf8Text(text);
}

function timeOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const time = parseGoTime(text);
  if (time === undefined) throw new InvariantError('a time in the v2 store cannot be read', {text});
  return time;
}
