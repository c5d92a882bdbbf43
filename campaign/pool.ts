// campaign/pool.ts: runs jobs on so many threads and hands the results out as they come. The first place with promises.
// Promise: every job is answered exactly once; which thread ran it shows in nothing but the order of arrival.
import {Worker} from 'node:worker_threads';
import {InputError} from '../base/input-error.ts';
import type {Job, JobResult} from './job.ts';
import {runJob} from './job.ts';
import type {WorkerAnswer} from './worker.ts';

export interface PoolOptions {
  readonly jobs: Iterable<Job>;
  /** Threads; 1 runs in this one. */
  readonly threadCount: number;
  readonly onResult: (result: JobResult) => void;
  /** Asked between jobs: true ends the pool early. */
  readonly stop?: () => boolean;
}

/** Resolves when all jobs are done or stop() said so. A crash of the simulator itself rejects. */
export async function runPool(options: PoolOptions): Promise<void> {
  const queue = options.jobs[Symbol.iterator]();
  if (options.threadCount <= 1) return runHere(queue, options);
  await Promise.all(Array.from({length: options.threadCount}, () => runThread(queue, options)));
}

async function runHere(queue: Iterator<Job>, {onResult, stop}: PoolOptions): Promise<void> {
  for (let next = queue.next(); next.done !== true && stop?.() !== true; next = queue.next()) {
    onResult(runJob(next.value));
    await new Promise((resolve) => setImmediate(resolve)); // lets a progress bar draw and Ctrl-C through
  }
}

function runThread(queue: Iterator<Job>, {onResult, stop}: PoolOptions): Promise<void> {
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const worker = new Worker(new URL(file, import.meta.url));
  return new Promise<void>((resolve, reject) => {
    const finish = (error?: Error) => {
      void worker.terminate();
      if (error === undefined) resolve();
      else reject(error);
    };
    const feed = () => {
      const next = stop?.() === true ? undefined : queue.next();
      if (next === undefined || next.done === true) finish();
      else worker.postMessage(next.value);
    };
    worker.on('message', (answer: WorkerAnswer) => {
      if (answer.kind === 'crash') {
        finish(answer.isInput ? new InputError(answer.message) : new Error(answer.message));
        return;
      }
      onResult(answer.result);
      feed();
    });
    worker.on('error', finish);
    feed();
  });
}
