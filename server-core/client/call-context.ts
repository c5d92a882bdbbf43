// server-core/client/call-context.ts: how long a call may take and who may end it. Go: context.Context.
import type {Deadline, MonotonicClock, Task, Waitable} from '../../env/fiber.ts';
import {after} from '../../env/fiber.ts';
import type {CallFailure} from '../api/payloads.ts';
import {CANCELED, DEADLINE_EXCEEDED} from './call-errors.ts';

export interface ContextOptions {
  /** Undefined: no deadline. */
  readonly timeoutUs?: number | undefined;
  /** Ready once the caller has given up, and from then on. */
  readonly cancelled?: Waitable<unknown> | undefined;
}

/** Ready once the time is up or the caller has given up. */
export class CallContext implements Waitable<void> {
  private readonly deadline: Deadline | undefined;
  private readonly cancelled: Waitable<unknown> | undefined;

  constructor(clock: MonotonicClock, {timeoutUs, cancelled}: ContextOptions = {}) {
    this.deadline = timeoutUs === undefined ? undefined : after(clock, timeoutUs);
    this.cancelled = cancelled;
  }

  ready(): boolean {
    return (this.cancelled?.ready() ?? false) || (this.deadline?.ready() ?? false);
  }

  take(): void {}

  park(task: Task): void {
    this.deadline?.park(task);
    this.cancelled?.park(task);
  }

  /** Why it is over. */
  get failure(): CallFailure {
    return this.cancelled?.ready() ? CANCELED : DEADLINE_EXCEEDED;
  }
}
