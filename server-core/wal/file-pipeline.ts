// server-core/wal/file-pipeline.ts: the next segment is prepared while the present one is written. etcd: wal/file_pipeline.go.
// Modelled: a fiber that keeps one preallocated file (0.tmp and 1.tmp by turns) on offer. A file that a crash left under such a name
// is taken as it is, not emptied: so does etcd.
import type {DiskFile} from '../../env/disk.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, FiberHandle} from '../../env/fiber.ts';
import {condition, Signal, until} from '../../env/fiber.ts';
import {WalError} from './wal-error.ts';

export class FilePipeline {
  private readonly env: Pick<Env, 'disk' | 'spawn'>;
  private readonly directory: string;
  private readonly sizeBytes: number;
  private readonly changed = new Signal();
  private readonly fiber: FiberHandle<void>;
  private madeCount = 0;
  private offered: DiskFile | undefined;
  private failure: DiskFault | WalError | undefined;
  private isClosing = false;

  constructor(env: Pick<Env, 'disk' | 'spawn'>, directory: string, sizeBytes: number) {
    this.env = env;
    this.directory = directory;
    this.sizeBytes = sizeBytes;
    this.fiber = env.spawn('wal-file-pipeline', this.run());
  }

  /** The prepared file, locked, under its temporary name; rename it before the next one is asked for. Throws why there is none. */
  *take(): Fiber<DiskFile> {
    yield* until(condition(this.changed, () => this.offered !== undefined || this.failure !== undefined));
    if (this.offered === undefined) throw this.failure;
    const file = this.offered;
    this.offered = undefined;
    this.changed.notify();
    return file;
  }

  /** Ends the fiber; what it had prepared is deleted. */
  *close(): Fiber<void> {
    this.isClosing = true;
    this.changed.notify();
    yield* until(this.fiber.ended);
  }

  private *run(): Fiber<void> {
    for (;;) {
      try {
        this.offered = yield* this.prepare();
      } catch (error) {
        if (!(error instanceof DiskFault) && !(error instanceof WalError)) throw error;
        this.failure = error; // whoever cuts next hears of it, and the member dies of it
        this.changed.notify();
        return;
      }
      this.changed.notify();
      yield* until(condition(this.changed, () => this.offered === undefined || this.isClosing));
      if (this.isClosing) break;
    }
    if (this.offered === undefined) return;
    yield* this.env.disk.remove(this.offered.path);
    this.offered.close();
  }

  private *prepare(): Fiber<DiskFile> {
    const path = `${this.directory}/${this.madeCount % 2}.tmp`;
    const file = yield* this.env.disk.open(path, {create: true});
    if (!file.tryLock()) throw new WalError('locked', path, 0, 'another process holds the lock of the next segment');
    try {
      yield* file.preallocate(this.sizeBytes);
    } catch (error) {
      file.close();
      throw error;
    }
    this.madeCount++;
    return file;
  }
}
