// server-core/raft/logging.ts: how raft says that it cannot go on.
import {InvariantError} from '../../base/assert.ts';
import type {RaftLogger} from './types.ts';
import {LOG_PANIC} from './types.ts';

/** Logs the line at panic level and throws it: raft's state is broken, or its user broke the contract. Logger.Panicf. */
export function raftPanic(logger: RaftLogger, text: string): never {
  if (logger.level <= LOG_PANIC) logger.write(LOG_PANIC, text);
  throw new InvariantError(text);
}
