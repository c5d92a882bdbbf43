// live/compare/stream-log.ts: what came over a stream, taken apart into sequences that must be equal.
// A watch stream carries many watches, and a response as many events as happened to be there: so each watch id has a sequence
// of its own (created, every single event, progress, cancelled). How many events came together is not part of it; where a response
// too large for one message was cut (fragments) is: the last event before a cut says so.
import type {Codec, Plain, Rpc} from '../rpc/codec.ts';
import type {StreamMessage} from '../world.ts';
import {type Fields, fieldsOf, textOf} from './book.ts';

/** One sequence of one stream; `raw` is the decoded answer with server-drawn values still in it. */
export interface LogEntry {
  readonly sequence: string;
  readonly raw: Plain;
}

/** Takes one message apart. */
export function explode(codec: Codec, rpc: Rpc, message: StreamMessage): LogEntry[] {
  if (message.kind === 'end') {
    return [{sequence: 'end', raw: {code: message.code, message: message.message}}];
  }
  let answer: Fields;
  try {
    answer = fieldsOf(codec.decode(rpc, message.response)) ?? {};
  } catch (thrown) {
    return [{sequence: 'answers', raw: {undecodable: thrown instanceof Error ? thrown.message : String(thrown)}}];
  }
  if (rpc.name === 'Watch/Watch') return explodeWatch(answer);
  return [{sequence: 'answers', raw: answer}];
}

function explodeWatch(answer: Fields): LogEntry[] {
  const sequence = `watch ${textOf(answer['watch_id'])}`;
  const {events, fragment, ...rest} = answer;
  const list = Array.isArray(events) ? events : [];
  const header = fieldsOf(answer['header']) ?? {};
  const entries: LogEntry[] = [];
  const isEventsOnly = list.length > 0 && answer['created'] !== true && answer['canceled'] !== true;
  if (!isEventsOnly) entries.push({sequence, raw: {...rest, fragment: fragment ?? null}});
  for (const [index, event] of list.entries()) {
    // The revision in this header is that of the store when the response was packed: see UNEQUAL_VALUES.
    const from = {cluster_id: header['cluster_id'] ?? null, member_id: header['member_id'] ?? null};
    const isBeforeCut = fragment === true && index === list.length - 1;
    entries.push({sequence, raw: {event, from, ...(isBeforeCut ? {cutBehind: true} : {})}});
  }
  return entries;
}
