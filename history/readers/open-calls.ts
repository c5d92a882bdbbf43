// history/readers/open-calls.ts: pairs the beginnings and ends of calls, one call at a time for each process.
import {OPERATION_COUNT_MAX} from './lines.ts';
import type {RecordedCall} from './recorded-call.ts';

type Growing<Input, Output> = {
  -readonly [Field in keyof RecordedCall<Input, Output>]: RecordedCall<Input, Output>[Field];
};

/** Collects calls in order of their beginning. Its methods answer with a reason where the file makes no sense. */
export class OpenCalls<Input, Output> {
  private readonly calls: (Growing<Input, Output> | undefined)[] = [];
  private readonly openByProcess = new Map<number, Growing<Input, Output>>();
  private time = 0;

  /** A call begins. A process with a call open cannot begin another. */
  begin(process: number, input: Input): string | undefined {
    const open = this.openByProcess.get(process);
    if (open !== undefined) return `process ${process} invokes again while its operation ${open.id} is open`;
    if (this.calls.length >= OPERATION_COUNT_MAX) return `more than ${OPERATION_COUNT_MAX} operations`;
    const call: Growing<Input, Output> = {
      id: this.calls.length,
      client: process,
      input,
      output: undefined,
      callAt: this.time++,
      returnAt: undefined,
    };
    this.calls.push(call);
    this.openByProcess.set(process, call);
    return undefined;
  }

  /** What the process asked last and was not answered; undefined when nothing is open. */
  openInput(process: number): Input | undefined {
    return this.openByProcess.get(process)?.input;
  }

  /** The open call was answered. */
  answer(process: number, output: Output): void {
    const call = this.openByProcess.get(process);
    if (call === undefined) return;
    call.output = output;
    call.returnAt = this.time++;
    this.openByProcess.delete(process);
  }

  /** The open call ended without an answer: it may still take effect. */
  abandon(process: number): void {
    this.openByProcess.delete(process);
  }

  /** The open call certainly took no effect and told nothing: it is as if it had never been. */
  drop(process: number): void {
    const call = this.openByProcess.get(process);
    if (call === undefined) return;
    this.calls[call.id] = undefined;
    this.openByProcess.delete(process);
  }

  /** How many calls have begun. */
  count(): number {
    return this.calls.length;
  }

  /** All calls but the dropped ones. Calls still open stay unanswered. */
  finish(): RecordedCall<Input, Output>[] {
    return this.calls.filter((call) => call !== undefined);
  }
}
