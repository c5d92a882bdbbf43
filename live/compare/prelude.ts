// live/compare/prelude.ts: brings both worlds to the same beginning: cluster version set, m0 leading, ids known.
import {InputError} from '../../base/input-error.ts';
import type {Plain} from '../rpc/codec.ts';
import type {World} from '../world.ts';
import {type Fields, fieldsOf, metadataOf, textOf} from './book.ts';
import {bothSides, type Run, type Side} from './run.ts';

const WAIT_MS_MAX = 30_000;
const POLL_MS = 10;

/** Waits in the world's own time until the condition holds. */
async function until(world: World, what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await holds()); waitedMs += POLL_MS) {
    if (waitedMs >= WAIT_MS_MAX)
      throw new InputError(`the ${world.name} cluster: ${what} not seen within ${WAIT_MS_MAX / 1000} s`);
    await world.sleep(POLL_MS);
  }
}

async function ask(
  run: Run,
  {world, book}: Side,
  member: number,
  rpcName: string,
  request: Plain,
): Promise<Fields | undefined> {
  const rpc = run.codec.rpc(rpcName);
  const reply = await world.call(
    member,
    rpc.path,
    run.codec.encode(rpc, request),
    metadataOf('auto', book, run.shared),
  );
  return reply.kind === 'ok' ? fieldsOf(run.codec.decode(rpc, reply.response)) : undefined;
}

const indexes = ({world}: Side): number[] => world.members.map((_, index) => index);

/** What each member says who leads: ids in decimal, '0' where it knows none. */
async function leadersSeen(run: Run, side: Side): Promise<string[]> {
  const answers = await Promise.all(indexes(side).map((member) => ask(run, side, member, 'Maintenance/Status', {})));
  return answers.map((answer) => textOf(answer?.['leader']));
}

/** Waits until all members name the same leader. */
export async function untilOneLeader(run: Run): Promise<void> {
  await bothSides(run, (side) =>
    until(side.world, 'one leader', async () => {
      const seen = await leadersSeen(run, side);
      const [leader = ''] = seen;
      const agreed = leader !== '0' && leader !== '' && seen.every((other) => other === leader);
      if (agreed) side.book.leader = leader;
      return agreed;
    }),
  );
}

/** Makes the beginning of both worlds the same. `idsDiffer`: the worlds have other URLs and so other ids (real against real). */
export async function prelude(run: Run, idsDiffer: boolean): Promise<void> {
  await bothSides(run, (side) =>
    until(side.world, 'a cluster version', async () => {
      const versions = await Promise.all(indexes(side).map((member) => side.world.http(member, 'client', '/version')));
      return versions.every(({body}) => /"etcdcluster":"\d+\.\d+\.0"/.test(body));
    }),
  );
  await untilOneLeader(run);
  await bothSides(run, (side) => learnIds(run, side, idsDiffer));
  await bothSides(run, (side) => leadFirst(run, side));
  await untilOneLeader(run);
  await bothSides(run, async (side) => {
    for (const member of indexes(side)) await ask(run, side, member, 'KV/Range', {key: 'catch-up'});
  });
}

async function learnIds(run: Run, side: Side, idsDiffer: boolean): Promise<void> {
  const {book, world} = side;
  let members: readonly Plain[] = [];
  await until(world, 'the names of all members', async () => {
    const answer = await ask(run, side, 0, 'Cluster/MemberList', {});
    members = Array.isArray(answer?.['members']) ? answer['members'] : [];
    const clusterId = textOf(fieldsOf(answer?.['header'])?.['cluster_id']);
    if (idsDiffer && clusterId !== '') nameId(side, clusterId, '<cluster>');
    return (
      members.length === world.members.length && members.every((member) => textOf(fieldsOf(member)?.['name']) !== '')
    );
  });
  for (const [index, {name, peerUrl, clientUrl}] of world.members.entries()) {
    const found = members.find((member) => fieldsOf(member)?.['name'] === name);
    const id = textOf(fieldsOf(found)?.['ID']);
    book.memberIds[index] = id;
    if (!idsDiffer) continue;
    nameId(side, id, `<member ${name}>`);
    for (const [url, what] of [
      [peerUrl, 'peer'],
      [clientUrl, 'client'],
    ] as const) {
      book.drawn.set(url, `<${what} URL of ${name}>`);
      book.drawn.set(new URL(url).host, `<${what} address of ${name}>`);
    }
  }
}

function nameId({book}: Side, id: string, name: string): void {
  book.drawn.set(id, name);
  book.drawn.set(BigInt(id).toString(16), name);
}

/** Everything that a plan says about members counts from the leader at the beginning. */
async function leadFirst(run: Run, side: Side): Promise<void> {
  const target = side.book.memberIds[0] ?? '';
  await until(side.world, 'm0 leading', async () => {
    const seen = await leadersSeen(run, side);
    if (seen.every((leader) => leader === target)) return true;
    const leader = side.book.memberIds.indexOf(seen[0] ?? '');
    if (leader > 0) await ask(run, side, leader, 'Maintenance/MoveLeader', {targetID: target});
    return false;
  });
}
