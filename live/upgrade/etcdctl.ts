// live/upgrade/etcdctl.ts: the commands of etcdctl that an operator needs, as calls to one member of either world. An error is a text, as
// etcdctl would print it; nothing here is asked twice.
import {fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

/** Fields of an answer. */
export type Answer = {readonly [field: string]: Plain};

/** One line of `etcdctl member list`. */
export interface ListedMember {
  readonly id: string;
  readonly peerUrl: string;
  readonly isLearner: boolean;
}

/** How often a stream is looked at. */
const LOOK_MS = 5;
/** How long the next piece of a snapshot may take. */
const SNAPSHOT_PIECE_MS_MAX = 10_000;

export class Etcdctl {
  private readonly world: UpgradeWorld;
  private readonly codec: Codec;

  constructor(world: UpgradeWorld, codec: Codec) {
    [this.world, this.codec] = [world, codec];
  }

  /** A call to one member, by its place; a text: the error. */
  async ask(index: number, name: string, request: Plain): Promise<Answer | string> {
    const {world, codec} = this;
    const rpc = codec.rpc(name);
    const reply = await world.call(index, rpc.path, codec.encode(rpc, request), {});
    if (reply.kind === 'ok') return fieldsOf(codec.decode(rpc, reply.response)) ?? {};
    return reply.kind === 'silence' ? 'no answer' : `error ${reply.code}: ${reply.message}`;
  }

  /** As the cluster has it (agreed, which takes a quorum), or as this member has it (own). */
  async members(index: number, whose: 'agreed' | 'own' = 'agreed'): Promise<readonly ListedMember[] | string> {
    const answer = await this.ask(index, 'Cluster/MemberList', {linearizable: whose === 'agreed'});
    if (typeof answer === 'string') return answer;
    const listed = Array.isArray(answer['members']) ? (answer['members'] as readonly Plain[]) : [];
    return listed.map((plain) => {
      const {ID = '0', peerURLs = [], isLearner = false} = fieldsOf(plain) ?? {};
      const [peerUrl = ''] = Array.isArray(peerURLs) ? (peerURLs as readonly Plain[]) : [];
      return {id: textOf(ID), peerUrl: textOf(peerUrl), isLearner: isLearner === true};
    });
  }

  /** Who of them says of itself that it leads; undefined: nobody. */
  async leader(indexes: readonly number[]): Promise<number | undefined> {
    for (const index of indexes) {
      const status = await this.ask(index, 'Maintenance/Status', {});
      if (typeof status === 'string') continue;
      const id = textOf(fieldsOf(status['header'])?.['member_id']);
      if (id !== '0' && id === textOf(status['leader'])) return index;
    }
    return undefined;
  }

  /** The newest revision, by a linearizable read. */
  async revision(index: number): Promise<string | undefined> {
    const read = await this.ask(index, 'KV/Range', {key: 'k'});
    return typeof read === 'string' ? undefined : textOf(fieldsOf(read['header'])?.['revision']);
  }

  /** The whole database of one member as it comes over the stream, with its checksum behind it; a text: what went wrong. */
  async saveSnapshot(index: number): Promise<Uint8Array | string> {
    const {world, codec} = this;
    const rpc = codec.rpc('Maintenance/Snapshot');
    const stream = world.openStream(index, rpc.path);
    stream.send(codec.encode(rpc, {}));
    stream.closeSend();
    const pieces: Uint8Array[] = [];
    let lastMs = world.nowMs();
    for (let readCount = 0; ; ) {
      const message = stream.received[readCount];
      if (message === undefined) {
        if (world.nowMs() - lastMs > SNAPSHOT_PIECE_MS_MAX) return 'the snapshot did not come to its end';
        await world.sleep(LOOK_MS);
        continue;
      }
      readCount++;
      lastMs = world.nowMs();
      if (message.kind === 'end')
        return message.code === 0 ? joined(pieces) : `error ${message.code}: ${message.message}`;
      // Not in plain form, where a long byte string is its length and digest.
      const {blob} = rpc.definition.responseDeserialize(Buffer.from(message.response)) as {readonly blob: Uint8Array};
      pieces.push(blob);
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((size, {length}) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
