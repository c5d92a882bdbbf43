// history/readers/lines.ts: chunks of text to numbered lines, and the words for a line that cannot be used.
// Promise: a line may be cut anywhere between chunks; memory is one line and the chunk at hand; text that is not text
// is refused at its first line.
import {InputError} from '../../base/input-error.ts';

/** A line longer than this is not a line of any format read here. */
export const LINE_SIZE_MAX = 16 * 1024 * 1024;

/** Operations in one file at most: beyond it a checker would run out of memory, so the reader says so first. */
export const OPERATION_COUNT_MAX = 3_000_000;

/** Takes a file's text in pieces, and gives what it says. */
export interface HistoryReader<Result> {
  /** Throws InputError at the first line that cannot be used. */
  push(chunk: string): void;
  finish(): Result;
}

/** Hands each line (without its end) and its number, from 1, to `take`. */
export class LineSplitter {
  private readonly place: string;
  private readonly take: (line: string, number: number) => void;
  private rest: string[] = [];
  private restSize = 0;
  private number = 0;

  constructor(place: string, take: (line: string, number: number) => void) {
    this.place = place;
    this.take = take;
  }

  push(chunk: string): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf('\n', start);
      if (end < 0) break;
      this.emit(chunk.slice(start, end));
      start = end + 1;
    }
    if (start >= chunk.length) return;
    this.restSize += chunk.length - start;
    this.rest.push(start === 0 ? chunk : chunk.slice(start));
    if (this.restSize > LINE_SIZE_MAX) {
      if (this.rest.some(isBinary)) throw this.error(this.number + 1, 'binary content, not text');
      throw this.error(this.number + 1, `longer than ${LINE_SIZE_MAX} characters`);
    }
  }

  /**
   * The text is over. A last line without an end is a line, unless a shorter one would read as well: then nobody can
   * tell whether it was cut, and it is refused.
   */
  finish(lastLine: 'needs-end' | 'may-end-open'): void {
    if (this.rest.length > 0) {
      if (lastLine === 'needs-end') {
        if (this.rest.some(isBinary)) throw this.error(this.number + 1, 'binary content, not text');
        throw this.error(this.number + 1, `the line is cut: no line end after ${quoteLine(this.rest.join(''))}`);
      }
      this.emit('');
    }
    if (this.number === 0) throw new InputError(`${this.place}: line 1: empty file`);
  }

  /** The error that names a line. */
  error(number: number, reason: string): InputError {
    return new InputError(`${this.place}: line ${number}: ${reason}`);
  }

  private emit(tail: string): void {
    let line = tail;
    if (this.rest.length > 0) {
      this.rest.push(tail);
      line = this.rest.join('');
      this.rest = [];
      this.restSize = 0;
    }
    this.number++;
    if (line.charCodeAt(line.length - 1) === 13) line = line.slice(0, -1);
    if (isBinary(line)) throw this.error(this.number, 'binary content, not text');
    this.take(line, this.number);
  }
}

/** Control characters but tab, or U+FFFD (what a decoder puts for bytes that are not UTF-8). */
function isBinary(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 ? code !== 9 && code !== 13 : code === 0xfffd) return true;
  }
  return false;
}

/** The start of a line for an error message, with an ellipsis where it was shortened. */
export function quoteLine(line: string): string {
  return JSON.stringify(line.length <= 60 ? line : `${line.slice(0, 60)}…`);
}
