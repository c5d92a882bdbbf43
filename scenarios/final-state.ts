// scenarios/final-state.ts: what the members hold when a run has come to rest, in the words of history/.
import type {KeyValue} from '../history/operation.ts';
import {rangeRequest} from '../server-core/etcdserverpb/types.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import {keyValueOf} from './translate.ts';

export interface FinalState {
  readonly member: string;
  readonly revision: number;
  readonly compactRevision: number;
  /** By key. */
  readonly kvs: readonly KeyValue[];
}

/** Members as far as their stores are asked for. */
export interface NamedServers {
  readonly all: readonly {readonly name: string; readonly server: EtcdServer | undefined}[];
}

/** The store of every member that is up. Taken from inside, so that no fault or timeout comes between. */
export function finalStatesOf(members: NamedServers): FinalState[] {
  const states: FinalState[] = [];
  for (const {name, server} of members.all) {
    if (server === undefined) continue;
    const {store} = server.applier;
    const answer = store.range(rangeRequest('\0', {rangeEnd: '\0'}));
    if ('kind' in answer) continue; // a read of the newest revision is never refused
    states.push({
      member: name,
      revision: store.currentRevision,
      compactRevision: store.compactRevision,
      kvs: answer.kvs.map(keyValueOf),
    });
  }
  return states;
}
