// scenarios/life/operator-writes.ts: writes of the operator's own. They are part of the history, as a client's are.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {KvRequest} from '../../history/operation.ts';
import {Client} from '../../server-core/client/client.ts';
import type {Recorder} from '../recorder.ts';
import {callOf, outcomeOf} from '../translate.ts';
import {clientAddress} from './operator-tools.ts';

/** Beside the keys of the traffic, k1, k2, …, and outside of what it reads as a range. */
const KEY = 'operator';
const TIMEOUT_US = 5_000_000;
const AGAIN_US = 200_000;

export interface SpendOptions {
  readonly recorder: Recorder;
  /** Names of members that serve clients. */
  readonly endpoints: readonly string[];
  /** By how much the revision goes up; even. */
  readonly count: number;
  /** How long it is tried to write. */
  readonly limitUs: number;
}

/**
 * Puts a key and deletes it until the revision is that much higher: nothing of it is left but the revisions. A text: what went wrong; a
 * write whose effect is unknown ends it, since nobody knows then by how much the revision went up.
 */
export function* spendRevisions(env: Env, options: SpendOptions): Fiber<string | undefined> {
  const {recorder, endpoints, count, limitUs} = options;
  const endUs = env.clock.monotonicUs() + limitUs;
  const number = 1 + recorder.operations.reduce((max, {client}) => Math.max(max, client), -1);
  const client = new Client(env, {endpoints: endpoints.map(clientAddress), requestTimeoutUs: TIMEOUT_US});
  client.start();
  let trouble: string | undefined;
  for (let spent = 0; spent < count && trouble === undefined; ) {
    const request: KvRequest =
      spent % 2 === 0 ? {kind: 'put', key: KEY, value: `v${spent}`} : {kind: 'delete-range', key: KEY};
    const id = recorder.call(number, request);
    const outcome = outcomeOf(request, yield* client.call(callOf(request)));
    recorder.returned(id, outcome);
    if (outcome.kind === 'ok') spent++;
    else if (outcome.kind === 'open') trouble = 'a write has no end';
    else if (outcome.effect === 'unknown' || env.clock.monotonicUs() >= endUs) trouble = outcome.error;
    else yield* sleepUs(env.clock, AGAIN_US);
  }
  client.close();
  return trouble;
}
