// cli/files.ts: files in and out, with the place and the reason in one line when it does not work.
import {closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {StringDecoder} from 'node:string_decoder';
import {InputError} from '../base/input-error.ts';

const CHUNK_SIZE = 1 << 20;
/** A text longer than this does not fit a JavaScript string comfortably. */
const WHOLE_TEXT_SIZE_MAX = 400 * 1024 * 1024;

/** The whole text of a file, as UTF-8. */
export function readText(path: string): string {
  return told(path, 'read', () => {
    const {size} = statSync(path);
    if (size > WHOLE_TEXT_SIZE_MAX) {
      throw new InputError(`${path}: ${size} bytes; at most ${WHOLE_TEXT_SIZE_MAX} can be read as one document`);
    }
    return readFileSync(path, 'utf8');
  });
}

/** The text of a file in pieces of about a megabyte, never cutting a character. */
export function* readTextChunks(path: string): Generator<string> {
  const file = told(path, 'read', () => {
    if (statSync(path).isDirectory()) throw new InputError(`${path}: is a directory`);
    return openSync(path, 'r');
  });
  try {
    const decoder = new StringDecoder('utf8');
    const buffer = Buffer.alloc(CHUNK_SIZE);
    for (;;) {
      const size = told(path, 'read', () => readSync(file, buffer));
      if (size === 0) break;
      yield decoder.write(buffer.subarray(0, size));
    }
    yield decoder.end();
  } finally {
    closeSync(file);
  }
}

/** Writes a file and the folders above it; whole or not at all: through a temporary name. */
export function writeText(path: string, text: string): void {
  told(path, 'write', () => {
    mkdirSync(dirname(path), {recursive: true});
    writeFileSync(`${path}.part`, text);
    renameSync(`${path}.part`, path);
  });
}

function told<T>(path: string, verb: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const {code, message} = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file or folder',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
      ENOSPC: 'the disk is full',
      EROFS: 'the file system is read-only',
      ENOTDIR: 'a part of the path is not a folder',
    };
    throw new InputError(`${path}: cannot ${verb} it: ${reasons[code ?? ''] ?? message}`);
  }
}
