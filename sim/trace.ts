// sim/trace.ts: what happened in a run. Marks are always counted; lines are kept only in a traced run (a replay).
// Promise: tracing changes nothing: the same seed gives the same digest with and without it.
import type {Trace} from '../env/env.ts';
import type {Kernel} from './kernel.ts';

/** One line of a full trace: the number of the kernel event during which it was written, its time, who, what. */
export interface TraceLine {
  readonly event: number;
  readonly atUs: number;
  readonly subject: string;
  readonly text: string;
}

/** Collects the marks of all, and the lines of all when enabled. */
export class TraceRecorder {
  readonly enabled: boolean;
  readonly lines: TraceLine[] = [];
  private readonly kernel: Kernel;
  private readonly markCounts = new Map<string, number>();

  constructor(kernel: Kernel, enabled: boolean) {
    this.kernel = kernel;
    this.enabled = enabled;
  }

  /** Adds a line; nothing when not enabled. */
  event(subject: string, text: string): void {
    if (!this.enabled) return;
    this.lines.push({event: this.kernel.eventCount, atUs: this.kernel.nowUs, subject, text});
  }

  mark(name: string): void {
    this.markCounts.set(name, (this.markCounts.get(name) ?? 0) + 1);
  }

  /** How often each mark was hit, sorted by name. */
  marks(): Record<string, number> {
    const names = [...this.markCounts.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.markCounts.get(name) ?? 0]));
  }

  /** The trace as one process writes to it. */
  for(subject: string): Trace {
    return {
      enabled: this.enabled,
      event: (text) => this.event(subject, text),
      mark: (name) => this.mark(name),
    };
  }
}

/** A line as text: `#12345 3.204817s m1 became leader at term 4`. */
export function formatTraceLine({event, atUs, subject, text}: TraceLine): string {
  const seconds = `${Math.floor(atUs / 1_000_000)}.${String(atUs % 1_000_000).padStart(6, '0')}s`;
  return `#${event} ${seconds} ${subject} ${text}`;
}

/** Where two traces part: the first line that one has and the other has not. Undefined when they are equal. */
export function firstDifference(
  a: readonly TraceLine[],
  b: readonly TraceLine[],
): {readonly index: number; readonly first: string | undefined; readonly second: string | undefined} | undefined {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [lineA, lineB] = [a[index], b[index]];
    const first = lineA === undefined ? undefined : formatTraceLine(lineA);
    const second = lineB === undefined ? undefined : formatTraceLine(lineB);
    if (first !== second) return {index, first, second};
  }
  return undefined;
}
