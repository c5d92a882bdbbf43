// scenarios/errata/record-watch.ts: a client that watches and notes what it is told, in the words of history/.
import type {Fiber} from '../../env/fiber.ts';
import type {WatchLogEvent} from '../../history/watch-log.ts';
import type {Client} from '../../server-core/client/client.ts';
import type {WatchEnd} from '../../server-core/client/watcher.ts';
import {Watcher} from '../../server-core/client/watcher.ts';
import type {Event} from '../../server-core/etcdserverpb/types.ts';
import {keyValueOf} from '../translate.ts';
import type {WatchRecording} from './evidence.ts';

/** Watches until the watch ends, or for ever. */
export function* recordWatch(client: Client, recording: WatchRecording, nowUs: () => number): Fiber<void> {
  const {key, rangeEnd, startRevision, prevKv, progressNotify, filters} = recording.request;
  const watcher = new Watcher(client);
  const handle = watcher.watch({
    key,
    createdNotify: true,
    ...(rangeEnd === undefined ? {} : {rangeEnd}),
    ...(startRevision === undefined ? {} : {startRevision}),
    ...(prevKv === undefined ? {} : {prevKv}),
    ...(progressNotify === undefined ? {} : {progressNotify}),
    ...(filters === undefined ? {} : {filters}),
  });
  for (;;) {
    while (!handle.receive.ready()) yield handle.receive;
    const event = handle.receive.take();
    const atUs = nowUs();
    switch (event.kind) {
      case 'created':
        recording.entries.push({kind: 'created', atUs, revision: event.header.revision});
        break;
      case 'events': {
        const events = event.events.map(eventOf);
        recording.entries.push({kind: 'events', atUs, revision: event.header.revision, events});
        break;
      }
      case 'progress':
        recording.entries.push({kind: 'progress', atUs, revision: event.header.revision});
        break;
      case 'ended':
        noteEnd(recording, event.end, atUs);
        return;
    }
  }
}

function noteEnd(recording: WatchRecording, end: WatchEnd, atUs: number): void {
  if (end.kind === 'compacted') {
    const {compactRevision, header} = end;
    recording.entries.push({kind: 'compacted', atUs, revision: header.revision, compactRevision});
  } else recording.entries.push({kind: 'cancelled', atUs, reason: end.kind === 'failed' ? end.message : end.kind});
  recording.closedUs = atUs;
}

function eventOf({type, kv, prevKv}: Event): WatchLogEvent {
  const {key, value, modRevision, createRevision, version} = kv;
  return {
    type,
    key,
    value,
    modRevision,
    createRevision,
    version,
    ...(prevKv === undefined ? {} : {prevKv: keyValueOf(prevKv)}),
  };
}
