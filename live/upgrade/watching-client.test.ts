// A watching client over streams written by hand: it goes on behind what it has, at the next member, and tells what it was told.
import {expect, test} from 'vitest';
import {loadCodec, type Plain} from '../rpc/codec.ts';
import type {StreamMessage, WorldStream} from '../world.ts';
import type {UpgradeWorld} from './upgrade-world.ts';
import {WatchingClient} from './watching-client.ts';

const codec = loadCodec();
const {definition} = codec.rpc('Watch/Watch');
const kv = (revision: number): object => ({
  key: Buffer.from('key1'),
  value: Buffer.from(`v${revision}`),
  create_revision: 2,
  mod_revision: revision,
  version: revision - 1,
});
const answer = (fields: object): StreamMessage => ({
  kind: 'message',
  response: definition.responseSerialize({header: {revision: 9}, ...fields}),
});
const put = (revision: number): StreamMessage => answer({events: [{type: 'PUT', kv: kv(revision)}]});

interface Opened {
  readonly member: number;
  readonly received: StreamMessage[];
  readonly sent: Plain[];
  isCancelled: boolean;
}

/** A client, and the streams that it opens; the world's clock counts its own looks. */
function watching(): {client: WatchingClient; streams: Opened[]} {
  const streams: Opened[] = [];
  let nowMs = 0;
  const openStream = (member: number): WorldStream => {
    const opened: Opened = {member, received: [], sent: [], isCancelled: false};
    streams.push(opened);
    return {
      received: opened.received,
      send: (bytes) => void opened.sent.push(definition.requestDeserialize(Buffer.from(bytes)) as Plain),
      closeSend: () => undefined,
      cancel: () => {
        opened.isCancelled = true;
      },
    };
  };
  const members = ['m1', 'm2', 'm3'].map((name) => ({name, peerUrl: '', clientUrl: ''}));
  const world: Partial<UpgradeWorld> = {members, openStream, nowMs: () => nowMs++};
  return {client: new WatchingClient({world: world as UpgradeWorld, codec, id: 0}), streams};
}

test('it watches from the first revision and goes on behind its last event at the next member', () => {
  const {client, streams} = watching();
  client.pump([0, 1, 2]);
  streams[0]?.received.push(answer({created: true}), put(3), {kind: 'end', code: 14, message: 'EOF'});
  client.pump([0, 2]);
  streams[1]?.received.push(answer({created: true}), put(4));
  const log = client.finish();
  expect(streams.map(({member}) => member)).toEqual([1, 2]);
  expect(streams.map(({sent}) => sent)).toMatchObject([
    [{create_request: {start_revision: '1', prev_kv: true}}],
    [{create_request: {start_revision: '4'}}],
  ]);
  expect(log.request).toEqual({key: 'key', rangeEnd: 'kez', startRevision: 1, prevKv: true});
  expect(log.entries).toMatchObject([
    {kind: 'created', revision: 9},
    {kind: 'events', events: [{type: 'put', key: 'key1', value: 'v3', modRevision: 3}]},
    {kind: 'resumed', startRevision: 4, endpoint: 'm3'},
    {kind: 'created'},
    {kind: 'events', events: [{modRevision: 4}]},
  ]);
  expect([4, 5].map((revision) => client.isBehind(revision))).toEqual([false, true]);
  expect(streams[1]?.isCancelled).toBe(true);
});

test('a watch that the server ends is over', () => {
  const {client, streams} = watching();
  client.pump([0]);
  streams[0]?.received.push(answer({created: true}), answer({canceled: true, cancel_reason: 'permission denied'}));
  streams[0]?.received.push({kind: 'end', code: 0, message: ''});
  client.pump([0]);
  client.pump([0]);
  expect(streams).toHaveLength(1);
  expect(client.finish().entries.at(-1)).toMatchObject({kind: 'cancelled', reason: 'permission denied'});
});

test('nobody serves: it waits', () => {
  const {client, streams} = watching();
  client.pump([]);
  expect(streams).toHaveLength(0);
});

test('a watch that wants what is compacted is over, owes nothing more, and says once where the next one can begin', () => {
  const {client, streams} = watching();
  client.pump([0]);
  streams[0]?.received.push(answer({canceled: true, compact_revision: '7'}));
  client.pump([0]);
  expect(client.isBehind(9)).toBe(false);
  expect([client.takeCompacted(), client.takeCompacted()]).toEqual([7, undefined]);
  expect(client.finish().entries).toMatchObject([{kind: 'compacted', compactRevision: 7}]);
});
