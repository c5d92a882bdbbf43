// server-core/raft/lab/lab-output.ts: what the lab and its members say, in order, with indentation where one step holds others.
// etcd: rafttest.RedirectLogger.
import type {RaftLogger} from '../types.ts';
import {LOG_DEBUG, LOG_ERROR, LOG_FATAL, LOG_INFO, LOG_NONE, LOG_WARNING} from '../types.ts';

/** The level names of transcripts, least first. */
const LEVELS: readonly (readonly [name: string, level: number])[] = [
  ['DEBUG', LOG_DEBUG],
  ['INFO', LOG_INFO],
  ['WARN', LOG_WARNING],
  ['ERROR', LOG_ERROR],
  ['FATAL', LOG_FATAL],
  ['NONE', LOG_NONE],
];

/** Collects text. At level NONE it collects nothing, not even the lab's own lines. */
export class LabOutput implements RaftLogger {
  level = LOG_DEBUG;
  private collected = '';

  /** Raft's own lines, each with its level in front; a panic counts as fatal. */
  write(level: number, text: string): void {
    const [name] = LEVELS[Math.min(level, LOG_FATAL)] ?? ['FATAL'];
    this.print(`${name} ${text}\n`);
  }

  /** Text of the lab, line ends included. */
  print(text: string): void {
    if (!this.quiet()) this.collected += text;
  }

  quiet(): boolean {
    return this.level === LOG_NONE;
  }

  /** Runs the work with its output set in by two spaces. */
  indented(work: () => void): void {
    const outer = this.collected;
    this.collected = '';
    try {
      work();
    } finally {
      const inner = this.collected;
      this.collected = outer;
      const lines = inner.split('\n');
      if (lines.at(-1) === '') lines.pop();
      for (const line of lines) this.collected += `  ${line}\n`;
    }
  }

  /** Sets the level by its name in any case; a text telling what is wrong if there is no such level. */
  setLevel(name: string): string | undefined {
    const found = LEVELS.find(([known]) => known === name.toUpperCase());
    if (found === undefined) return `log levels must be either of [${LEVELS.map(([known]) => known).join(' ')}]`;
    this.level = found[1];
    return undefined;
  }

  /** Everything so far; begins anew. */
  take(): string {
    const text = this.collected;
    this.collected = '';
    return text;
  }
}
