// server-core/wal/purge.ts: old files go, the oldest first, until a number of them is left. etcd: fileutil.PurgeFile, server.purgeFile.
// A segment whose lock is held is still needed, and so is everything behind it.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';

/** purgeFileInterval. */
export const PURGE_INTERVAL_US = 30_000_000;
/** embed.DefaultMaxSnapshots, DefaultMaxWALs. */
export const FILES_KEPT = 5;

export interface PurgeOptions {
  readonly directory: string;
  /** How the names end, without a dot, as etcd has it: `snap.db` files are no `snap` files. */
  readonly suffix: 'wal' | 'snap' | 'snap.db';
  readonly keptCountMax: number;
}

/** One round. Returns the names deleted. Throws DiskFault, of which the member dies. */
export function* purgeOnce(env: Pick<Env, 'disk' | 'trace'>, options: PurgeOptions): Fiber<string[]> {
  const {directory, suffix, keptCountMax} = options;
  const names = (yield* env.disk.list(directory)).filter((name) => name.endsWith(suffix));
  const purged: string[] = [];
  for (const name of names.slice(0, Math.max(0, names.length - keptCountMax))) {
    const path = `${directory}/${name}`;
    const file = yield* env.disk.open(path);
    if (!file.tryLock()) {
      file.close();
      break;
    }
    yield* env.disk.remove(path);
    file.close();
    env.trace.mark('purge: old file deleted');
    purged.push(name);
  }
  return purged;
}

/** At once and every 30 s, for the life of the process. */
export function* purgeLoop(env: Pick<Env, 'disk' | 'trace' | 'clock'>, options: PurgeOptions): Fiber<void> {
  for (;;) {
    yield* purgeOnce(env, options);
    yield* sleepUs(env.clock, PURGE_INTERVAL_US);
  }
}
