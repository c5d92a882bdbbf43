// campaign/worker.ts: a thread that runs jobs one after the other until its parent ends it.
import {parentPort} from 'node:worker_threads';
import {must} from '../base/assert.ts';
import type {Job, JobResult} from './job.ts';
import {runJob} from './job.ts';

/** A job's result, or why there is none. */
export type WorkerAnswer =
  | {readonly kind: 'result'; readonly result: JobResult}
  | {readonly kind: 'crash'; readonly message: string; readonly isInput: boolean};

const port = must(parentPort, 'campaign/worker.ts runs as a worker thread only');

port.on('message', (job: Job) => port.postMessage(answer(job)));

function answer(job: Job): WorkerAnswer {
  try {
    return {kind: 'result', result: runJob(job)};
  } catch (error) {
    const {name, message, stack} = error as Error;
    const isInput = name === 'InputError';
    return {
      kind: 'crash',
      message: isInput ? message : `${job.scenario} seed ${job.seed}: ${stack ?? message}`,
      isInput,
    };
  }
}
