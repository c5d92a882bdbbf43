// Watches against servers that do what a script says: what goes out, where a watch goes on, how it ends.
import {describe, expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import {event, responseHeader} from '../etcdserverpb/header-message.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchResponse} from '../etcdserverpb/watch-messages.ts';
import type {Client} from './client.ts';
import type {ScriptedConnection} from './test-servers.ts';
import {runClient, ScriptedServer, SECOND} from './test-servers.ts';
import type {WatchEvent, WatchHandle, WatchOptions} from './watcher.ts';
import {Watcher} from './watcher.ts';

const at = (revision: number) => responseHeader.make(revisionHeader(revision));
const created = (watchId: number, revision: number, more: Partial<WatchResponse> = {}) =>
  watchResponse.make({header: at(revision), watchId, created: true, ...more});
const progress = (watchId: number, revision: number) => watchResponse.make({header: at(revision), watchId});
const change = (watchId: number, revisions: readonly number[], more: Partial<WatchResponse> = {}) =>
  watchResponse.make({header: at(revisions[revisions.length - 1] ?? 0), watchId, events: revisions.map(put), ...more});
const put = (revision: number) =>
  event.make({kv: {key: 'k', value: '', createRevision: 1, modRevision: revision, version: 1, lease: '0' as never}});

/** Does something about the n-th request on the n-th stream; both count from 1. */
type WatchScript = (request: WatchRequest, count: {stream: number; request: number}, stream: ScriptedStream) => void;

interface ScriptedStream {
  send(response: WatchResponse): void;
  end(failure?: Parameters<ScriptedConnection['end']>[1]): void;
  break(): void;
}

/** A server for watches that lists what was asked of it, stream by stream. */
class WatchServer {
  readonly asked: string[] = [];
  readonly server: ScriptedServer;
  private streamCount = 0;
  private requestCount = 0;

  constructor(world: World, script: WatchScript, name = 's') {
    this.server = new ScriptedServer(world, name, (payload, connection) => {
      if (payload.kind === 'open') {
        this.streamCount++;
        this.requestCount = 0;
        this.asked.push(payload.metadata?.requiresLeader ? 'stream, leader required' : 'stream');
      }
      if (payload.kind === 'cancel') this.asked.push('stream cancelled');
      if (payload.kind !== 'message') return;
      const request = payload.message as WatchRequest;
      this.asked.push(describeRequest(request));
      const stream: ScriptedStream = {
        send: (response) => connection.message(payload.id, response),
        end: (failure) => connection.end(payload.id, failure),
        break: () => connection.close(),
      };
      script(request, {stream: this.streamCount, request: ++this.requestCount}, stream);
    });
  }
}

function describeRequest({create, cancel, progress: wanted}: WatchRequest): string {
  if (create !== undefined) return `create ${create.key} from ${create.startRevision}`;
  return cancel === undefined ? `progress ${wanted !== undefined}` : `cancel ${cancel.watchId}`;
}

function describeEvent(happened: WatchEvent): string {
  switch (happened.kind) {
    case 'events':
      return `events ${happened.events.map(({kv}) => kv.modRevision).join(' ')}`;
    case 'ended':
      return `ended ${happened.end.kind}${happened.end.kind === 'failed' ? `: ${happened.end.message}` : ''}`;
    default:
      return `${happened.kind} ${happened.header.revision}`;
  }
}

/** What comes on a watch within so many seconds, or until its end. */
function* listen(env: Env, watch: WatchHandle, seconds = 5): Fiber<string[]> {
  const told: string[] = [];
  const deadline = after(env.clock, seconds * SECOND);
  for (;;) {
    const next = yield* select(env, {event: watch.receive, deadline});
    if (next.kind === 'deadline') return told;
    told.push(describeEvent(next.value));
    if (next.value.kind === 'ended') return told;
  }
}

/** Watches with these options against a script; what was told and what was asked. */
function watchOnce(script: WatchScript, options: Partial<WatchOptions> = {}, release = '3.6.0') {
  const world = new World({seed: 1});
  const server = new WatchServer(world, script);
  const told = runClient(world, {endpoints: ['s:2379'], release}, (client, env) =>
    listen(env, new Watcher(client).watch({key: 'k', ...options})),
  );
  return {told, asked: server.asked};
}

describe('a stream that breaks', () => {
  test('before an event lets a watch without a start go on at the revision of its creation', () => {
    const {told, asked} = watchOnce((_request, {stream, request}, {send, break: cut}) => {
      send(created(0, 7));
      if (stream === 1 && request === 1) cut();
      else send(change(0, [9]));
    });
    expect(asked).toEqual(['stream', 'create k from 0', 'stream', 'create k from 7']);
    expect(told).toEqual(['events 9']);
  });

  test('behind events lets it go on behind the last one', () => {
    const {told, asked} = watchOnce(
      (_request, {stream}, {send, break: cut}) => {
        send(created(stream, 20));
        if (stream === 1) send(change(1, [12, 15]));
        else send(change(2, [16]));
        if (stream === 1) cut();
      },
      {startRevision: 10, createdNotify: true},
    );
    expect(asked).toEqual(['stream', 'create k from 10', 'stream', 'create k from 16']);
    expect(told).toEqual(['created 20', 'events 12 15', 'events 16']);
  });

  test.each([
    ['3.3.25', 30],
    ['3.4.23', 30],
    ['3.4.24', 31],
    ['3.5.7', 30],
    ['3.5.16', 31],
    ['3.6.0', 31],
  ])('behind progress at 30 lets a client %s go on at %i', (release, from) => {
    const script: WatchScript = (_request, {stream}, {send, break: cut}) => {
      send(created(0, 20));
      if (stream === 1) send(progress(0, 30));
      if (stream === 1) cut();
    };
    const {told, asked} = watchOnce(script, {startRevision: 10}, release);
    expect(asked[3]).toBe(`create k from ${from}`);
    expect(told).toEqual(['progress 30']);
  });

  test('keeps the watches apart that were on it, and asks for one at a time', () => {
    const world = new World({seed: 1});
    const server = new WatchServer(world, ({create}, {stream, request}, {send, break: cut}) => {
      if (create === undefined) return;
      // Ids in another order on the second stream.
      const watchId = stream === 1 ? request : 9 - request;
      send(created(watchId, 5));
      send(change(watchId, [create.key === 'a' ? 10 * stream : 11 * stream]));
      if (stream === 1 && request === 3) cut();
    });
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      const watches = ['a', 'b', 'c'].map((key) => watcher.watch({key, startRevision: 1}));
      const lists: string[][] = [];
      for (const watch of watches) lists.push(yield* listen(env, watch, 1));
      return lists;
    });
    expect(server.asked.slice(5)).toEqual(['create a from 11', 'create b from 12', 'create c from 12']);
    expect(told).toEqual([
      ['events 10', 'events 20'],
      ['events 11', 'events 22'],
      ['events 11', 'events 22'],
    ]);
  });

  test('asks for the next watch only when the one before is answered', () => {
    const world = new World({seed: 1});
    const held: (() => void)[] = [];
    const server = new WatchServer(world, ({create}, {request}, {send}) => {
      if (create !== undefined) held.push(() => send(created(request, 5)));
    });
    runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      watcher.watch({key: 'a'});
      for (let i = 1; i <= 3; i++) {
        yield* sleepUs(env.clock, SECOND);
        if (i === 1) for (const key of ['b', 'c']) watcher.watch({key});
        yield* sleepUs(env.clock, SECOND);
        expect(held.length).toBe(i);
        held[i - 1]?.();
      }
    });
    expect(server.asked).toEqual(['stream', 'create a from 0', 'create b from 0', 'create c from 0']);
  });

  test('is opened on another server', () => {
    const world = new World({seed: 1});
    const cut: WatchScript = (_request, _count, {send, break: reset}) => {
      send(created(0, 5));
      reset();
    };
    const [one, two] = [new WatchServer(world, cut, 's1'), new WatchServer(world, cut, 's2')];
    runClient(world, {endpoints: ['s1:2379', 's2:2379']}, (client, env) =>
      listen(env, new Watcher(client).watch({key: 'k'}), 20),
    );
    expect([one.asked.length > 4, two.asked.length > 4]).toEqual([true, true]);
  });
});

describe('a stream that its server ends', () => {
  test.each([
    ['Unavailable', 'etcdserver: server stopped', true],
    ['Internal', 'stream terminated by RST_STREAM', true],
    ['Unavailable', 'etcdserver: no leader', false],
    ['Canceled', 'etcdserver: watch canceled', false],
    ['Unknown', 'something else', false],
    ['PermissionDenied', 'etcdserver: permission denied', false],
  ] as const)('with %s, %s: opened again %s', (code, message, isResumed) => {
    const {told, asked} = watchOnce((_request, {stream}, {send, end}) => {
      send(created(0, 5));
      if (stream === 1) end({code, message});
    });
    expect(asked.length).toBe(isResumed ? 4 : 2);
    expect(told).toEqual(isResumed ? [] : [`ended failed: ${message}`]);
  });

  test('without an error is an end that no release gets over', () => {
    const {told} = watchOnce((_request, _count, {send, end}) => {
      send(created(0, 5));
      end();
    });
    expect(told).toEqual(['ended failed: EOF']);
  });
});

test('a server that ends every stream is asked less and less often, but not by clients before 3.4.22 and 3.5.6', () => {
  const streamCount = (release: string): number => {
    const script: WatchScript = (_request, _count, {end}) => end({code: 'Unavailable', message: 'not now'});
    return watchOnce(script, {}, release).asked.filter((line) => line === 'stream').length;
  };
  const counts = ['3.4.23', '3.5.16', '3.6.0'].map(streamCount);
  for (const count of counts) {
    expect(count).toBeGreaterThan(40);
    expect(count).toBeLessThan(110);
  }
  expect(streamCount('3.3.25')).toBeGreaterThan(500);
});

describe('answers', () => {
  test('fragments become one batch, under the header of the first', () => {
    const {told} = watchOnce(
      (_request, _count, {send}) => {
        send(created(0, 5));
        send(change(0, [6, 6], {fragment: true}));
        send(change(0, [7], {fragment: true}));
        send(change(0, [8]));
        send(change(0, [9]));
      },
      {fragment: true},
    );
    expect(told).toEqual(['events 6 6 7 8', 'events 9']);
  });

  test('half a batch is forgotten when the stream breaks, and asked for again whole', () => {
    const {told, asked} = watchOnce(
      (_request, {stream}, {send, break: cut}) => {
        send(created(0, 5));
        send(change(0, [6], {fragment: true}));
        if (stream === 1) cut();
        else send(change(0, [7]));
      },
      {startRevision: 6, fragment: true},
    );
    expect(asked[3]).toBe('create k from 6');
    expect(told).toEqual(['events 6 7']);
  });

  test('a compaction ends the watch and tells the first revision that is left', () => {
    const {told, asked} = watchOnce(
      (_request, _count, {send}) => {
        send(created(3, 50));
        send(watchResponse.make({header: at(50), watchId: 3, canceled: true, compactRevision: 40}));
      },
      {startRevision: 2},
    );
    expect(told).toEqual(['ended compacted']);
    expect(asked.slice(2)).toEqual(['stream cancelled']);
  });

  test('a cancellation by the server closes the watch and says nothing', () => {
    const {told} = watchOnce((_request, _count, {send}) => {
      send(created(3, 50));
      send(watchResponse.make({header: at(50), watchId: 3, canceled: true, cancelReason: 'etcdserver: no reason'}));
    });
    expect(told).toEqual(['ended closed']);
  });

  test.each([-1, 0, 7])('a refusal with id %i ends the watch that asked and no other', (refusedId) => {
    const world = new World({seed: 1});
    const reason = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
    new WatchServer(world, ({create}, _count, {send}) => {
      if (create?.key === 'mine') send(created(0, 5));
      if (create?.key === 'theirs') {
        send(created(refusedId, 5, {canceled: true, cancelReason: reason}));
        send(change(0, [6]));
      }
    });
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      const [mine, theirs] = [watcher.watch({key: 'mine'}), watcher.watch({key: 'theirs'})];
      return [yield* listen(env, theirs, 1), yield* listen(env, mine, 1)];
    });
    expect(told).toEqual([[`ended failed: ${reason}`], ['events 6']]);
  });

  test('a refusal is also what watches are told that the server cancels later on that stream', () => {
    const world = new World({seed: 1});
    new WatchServer(world, ({create}, _count, {send}) => {
      if (create?.key === 'mine') send(created(1, 5));
      if (create?.key === 'theirs') {
        send(created(-1, 5, {canceled: true, cancelReason: 'denied'}));
        send(watchResponse.make({header: at(5), watchId: 1, canceled: true}));
      }
    });
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      const [mine, theirs] = [watcher.watch({key: 'mine'}), watcher.watch({key: 'theirs'})];
      return [yield* listen(env, theirs, 1), yield* listen(env, mine, 1)];
    });
    expect(told).toEqual([['ended failed: denied'], ['ended failed: denied']]);
  });

  test('changes for the whole stream reach nobody', () => {
    const {told, asked} = watchOnce((request, _count, {send}) => {
      if (request.create === undefined) return;
      send(created(1, 5));
      send(change(-1, [6]));
    });
    expect(told).toEqual([]);
    expect(asked.slice(2)).toEqual(['cancel -1']);
  });

  test('progress for the whole stream reaches every watch', () => {
    const world = new World({seed: 1});
    const server = new WatchServer(world, ({progress: wanted}, {request}, {send}) => {
      send(wanted === undefined ? created(request, 5) : progress(-1, 9));
    });
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      const watches = [watcher.watch({key: 'a'}), watcher.watch({key: 'b'})];
      yield* sleepUs(env.clock, SECOND);
      watcher.requestProgress();
      return [yield* listen(env, watches[0] as WatchHandle, 1), yield* listen(env, watches[1] as WatchHandle, 1)];
    });
    expect(server.asked.at(-1)).toBe('progress true');
    expect(told).toEqual([['progress 9'], ['progress 9']]);
  });

  test('events for an id that nobody has are answered with one cancellation', () => {
    const {told, asked} = watchOnce((request, _count, {send}) => {
      if (request.create === undefined) return;
      send(created(1, 5));
      for (const revision of [6, 7]) send(change(8, [revision]));
      send(change(1, [8]));
    });
    expect(told).toEqual(['events 8']);
    expect(asked.slice(2)).toEqual(['cancel 8']);
  });
});

describe('a watch that is given up', () => {
  /** Two watches; the first is given up, then both keys change. */
  function giveUp(release: string): {asked: string[]; told: string[][]} {
    const world = new World({seed: 1});
    let streamOf: ScriptedStream | undefined;
    const server = new WatchServer(world, ({create}, {request}, stream) => {
      streamOf = stream;
      if (create !== undefined) stream.send(created(request, 5));
    });
    const told = runClient(world, {endpoints: ['s:2379'], release}, function* (client: Client, env) {
      const watcher = new Watcher(client);
      const [first, second] = [watcher.watch({key: 'a'}), watcher.watch({key: 'b'})];
      yield* sleepUs(env.clock, SECOND);
      first.cancel();
      yield* sleepUs(env.clock, SECOND);
      server.asked.push('change');
      streamOf?.send(change(1, [6]));
      streamOf?.send(change(2, [7]));
      const lists = [yield* listen(env, first, 1), yield* listen(env, second, 1)];
      second.cancel();
      yield* sleepUs(env.clock, SECOND);
      return lists;
    });
    return {asked: server.asked.slice(3), told};
  }

  test.each(['3.4.23', '3.5.16', '3.6.0'])('a client %s cancels it on the server at once', (release) => {
    const {asked, told} = giveUp(release);
    expect(told).toEqual([['ended cancelled'], ['events 7']]);
    expect(asked).toEqual(['cancel 1', 'change', 'stream cancelled']);
  });

  test('a client 3.3.25 does so when its next event comes', () => {
    const {asked, told} = giveUp('3.3.25');
    expect(told).toEqual([['ended cancelled'], ['events 7']]);
    expect(asked).toEqual(['change', 'cancel 1', 'stream cancelled']);
  });

  test('before it is created leaves the next one its own answer', () => {
    const world = new World({seed: 1});
    const held: (() => void)[] = [];
    const server = new WatchServer(world, ({create}, {request}, {send}) => {
      if (create?.key === 'a') held.push(() => send(created(request, 5)));
      else if (create !== undefined) send(created(request, 6));
    });
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const watcher = new Watcher(client);
      const [first, second] = ['a', 'b'].map((key) => watcher.watch({key, createdNotify: true})) as [
        WatchHandle,
        WatchHandle,
      ];
      yield* sleepUs(env.clock, SECOND);
      first.cancel();
      for (const answer of held) answer();
      return [yield* listen(env, first, 1), yield* listen(env, second, 1)];
    });
    expect(told).toEqual([['ended cancelled'], ['created 6']]);
    expect(server.asked).toEqual(['stream', 'create a from 0', 'create b from 0']);
  });
});

test('a watch given up before any server is there opens no stream', () => {
  const world = new World({seed: 1});
  const server = new WatchServer(world, (_request, _count, {send}) => send(created(0, 5)), 'late');
  const told = runClient(world, {endpoints: ['nobody:2379']}, function* (client, env) {
    const watcher = new Watcher(client);
    const watch = watcher.watch({key: 'k'});
    yield* sleepUs(env.clock, SECOND);
    watch.cancel();
    client.setEndpoints(['late:2379']);
    yield* sleepUs(env.clock, SECOND);
    expect(server.asked).toEqual([]);
    const second = watcher.watch({key: 'j', createdNotify: true});
    return [yield* listen(env, watch, 1), yield* listen(env, second, 1)];
  });
  expect(told).toEqual([['ended cancelled'], ['created 5']]);
  expect(server.asked).toEqual(['stream', 'create j from 0']);
});

test('watches that require a leader have a stream of their own', () => {
  const world = new World({seed: 1});
  const server = new WatchServer(world, (_request, _count, {send}) => send(created(0, 5)));
  runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
    const watcher = new Watcher(client);
    for (const requiresLeader of [true, false]) watcher.watch({key: 'k', requiresLeader});
    yield* sleepUs(env.clock, SECOND);
  });
  expect(server.asked.filter((line) => line.startsWith('stream')).sort()).toEqual([
    'stream',
    'stream, leader required',
  ]);
});

test.each([
  ['3.4.23', 2],
  ['3.5.6', 2],
  ['3.5.16', 1],
])('a client %s opens %i streams for a watch that is refused once for its token', (release, streamCount) => {
  const reason = 'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token';
  const {told, asked} = watchOnce(
    (_request, {stream}, {send}) => {
      if (stream === 1) send(created(-1, 5, {canceled: true, cancelReason: reason}));
      else send(created(0, 5));
    },
    {createdNotify: true},
    release,
  );
  expect(asked.filter((line) => line === 'stream').length).toBe(streamCount);
  expect(told).toEqual(streamCount === 2 ? ['created 5'] : [`ended failed: ${reason}`]);
});
