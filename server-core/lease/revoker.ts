// server-core/lease/revoker.ts: the leader proposes the revokes of expired leases, and remaining TTLs for the log.
// etcd: EtcdServer.revokeExpiredLeases, and the checkpointer of NewServer.
import type {LeaseId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {Signal, until} from '../../env/fiber.ts';
import {ERR_NOT_PRIMARY} from './errors.ts';
import type {Checkpointer} from './lessor.ts';
import type {LeaseHost} from './ports.ts';
import {ensureLeadership} from './ports.ts';

/** Revokes of one batch that are under way at a time. etcd: maxPendingRevokes. */
export const PENDING_REVOKES_MAX = 16;

/** Takes the lessor's batches, each to a fiber of its own, as long as the member runs. */
export function* runRevoker<Caller>(host: LeaseHost<Caller>): Fiber<void> {
  for (;;) {
    const batch = yield* until(host.lessor.expired.receive);
    if (batch === undefined) return;
    host.env.spawn('revoke expired leases', revokeBatch(host, batch));
  }
}

/** The leadership is looked at once, before the first: a member demoted behind that goes on. */
function* revokeBatch<Caller>(host: LeaseHost<Caller>, batch: readonly LeaseId[]): Fiber<void> {
  if (!(yield* ensureLeadership(host))) {
    host.env.trace.mark('lease: expired leases left to the new leader');
    return;
  }
  const slots = {pending: 0, freed: new Signal()};
  for (const id of batch) {
    while (slots.pending >= PENDING_REVOKES_MAX) yield slots.freed;
    slots.pending++;
    host.env.spawn('revoke expired lease', revokeOne(host, id, slots));
  }
}

function* revokeOne<Caller>(
  host: LeaseHost<Caller>,
  id: LeaseId,
  slots: {pending: number; readonly freed: Signal},
): Fiber<void> {
  const {trace} = host.env;
  const answer = yield* host.propose({kind: 'lease-revoke', request: {id}}, host.asRoot());
  if (answer.kind === 'ok') trace.mark('lease: expired');
  else if (trace.enabled) trace.event(`failed to revoke lease ${id}: ${answer.message}`);
  slots.pending--;
  slots.freed.notify();
}

/** What the lessor brings its checkpoints into the log with; what becomes of a proposal does not matter. */
export function makeCheckpointer<Caller>(host: LeaseHost<Caller>): Checkpointer {
  return function* (request) {
    if (!(yield* ensureLeadership(host))) return ERR_NOT_PRIMARY;
    yield* host.propose({kind: 'lease-checkpoint', request}, undefined);
    return undefined;
  };
}
