// scenarios/errata/member-lists.ts: at rest, the members that each server lists are those of its raft configuration, voters as voters
// and learners as learners, and all servers list the same ones.
import type {Finding} from '../../history/verdict.ts';
import {formatDecimalId} from '../../server-core/raftpb/decimal-id.ts';
import type {EtcdServer} from '../../server-core/server/server.ts';

/** Differences between what servers list and what their raft has, and between servers. */
export function checkMemberLists(servers: ReadonlyMap<string, EtcdServer>, atUs: number): Finding[] {
  const findings: Finding[] = [];
  const report = (message: string) => findings.push({check: 'member-lists', kind: 'violation', message, atUs});
  let first: {readonly name: string; readonly list: string} | undefined;
  for (const [name, server] of servers) {
    const list = listOf(server);
    const raft = raftListOf(server);
    if (list !== raft) report(`${name} lists ${list}, its raft has ${raft}`);
    if (first === undefined) first = {name, list};
    else if (first.list !== list) report(`${name} lists ${list}, ${first.name} lists ${first.list}`);
  }
  return findings;
}

const line = (id: string, isLearner: boolean): string => `${id}${isLearner ? ' (learner)' : ''}`;

/** What GET /members tells; ids there are decimal numbers of 64 bits. */
interface ListedMember {
  readonly id: string;
  readonly isLearner?: boolean;
}

function listOf({clusterApi}: EtcdServer): string {
  const listed = JSON.parse(clusterApi.membersBody().replaceAll(/"id":(\d+)/g, '"id":"$1"')) as ListedMember[];
  return listed
    .map(({id, isLearner}) => line(id, isLearner === true))
    .sort()
    .join(', ');
}

function raftListOf({raft}: EtcdServer): string {
  const {voters, learners} = raft.node.config;
  const all = [
    ...voters.map((id) => line(formatDecimalId(id), false)),
    ...learners.map((id) => line(formatDecimalId(id), true)),
  ];
  return all.sort().join(', ');
}
