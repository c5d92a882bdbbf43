// server-core/datadir/immediate.ts: runs fibers at once, outside of a world: for work on files in memory, where nothing takes time.
// Modelled: fibers side by side, woken by what they wait for, in the order of their wake-ups. Not modelled: time; a program that
// would have to sleep does not end, and says so.
import {assert} from '../../base/assert.ts';
import type {Fiber, FiberEnd, FiberHandle, Task} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import type {WalEnv} from '../wal/wal.ts';
import type {MemoryDisk} from './memory-disk.ts';

class ImmediateTask implements Task {
  readonly end = new Promised<FiberEnd<unknown>>();
  readonly fiber: Fiber<unknown>;
  private readonly ready: ImmediateTask[];
  private isQueued = false;

  constructor(fiber: Fiber<unknown>, ready: ImmediateTask[]) {
    this.fiber = fiber;
    this.ready = ready;
    this.wake();
  }

  wake(): void {
    if (this.isQueued) return;
    this.isQueued = true;
    this.ready.push(this);
  }

  wakeAt(): void {
    assert(false, 'a program on files in memory sleeps');
  }

  /** Until it waits for something. */
  run(): void {
    this.isQueued = false;
    const step = this.fiber.next();
    if (step.done === true) this.end.resolve({kind: 'returned', value: step.value});
    else step.value.park(this);
  }
}

/** Runs a program on files in memory and returns what it returns; fibers that it started and that still wait are dropped. */
export function runImmediately<T>(disk: MemoryDisk, program: (env: WalEnv) => Fiber<T>): T {
  const ready: ImmediateTask[] = [];
  const env: WalEnv = {
    disk,
    failpoints: {armed: false, *hit() {}},
    trace: {enabled: false, event: () => undefined, mark: () => undefined},
    spawn: <R>(name: string, fiber: Fiber<R>): FiberHandle<R> => {
      const task = new ImmediateTask(fiber, ready);
      return {name, ended: task.end as Promised<FiberEnd<R>>, cancel: () => undefined};
    },
  };
  let result: {readonly value: T} | undefined;
  const main = function* (): Fiber<void> {
    result = {value: yield* program(env)};
  };
  new ImmediateTask(main(), ready);
  for (let task = ready.shift(); task !== undefined && result === undefined; task = ready.shift()) task.run();
  assert(result !== undefined, 'a program on files in memory waits for something that does not come');
  return result.value;
}
