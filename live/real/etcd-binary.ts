// live/real/etcd-binary.ts: finds the etcd binary that a user points at, and asks it for its release.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {InputError} from '../../base/input-error.ts';
import {startWatchdog, type Watchdog} from './watchdog.ts';

const VERSION_TIMEOUT_MS = 10_000;
/** More than any etcd says of itself. */
const OUTPUT_SIZE_MAX = 10_000;

export interface EtcdBinary {
  readonly path: string;
  readonly release: string;
}

/**
 * The binary at `given` (a file, or a folder with a file `etcd`). Its release must be `wanted` where that is given. It has
 * `timeoutMs` to say which it is.
 */
export async function findEtcd(
  given: string,
  wanted: string | undefined,
  timeoutMs = VERSION_TIMEOUT_MS,
): Promise<EtcdBinary> {
  if (!existsSync(given)) throw new InputError(`--etcd ${given}: there is no such file or folder`);
  const path = resolve(statSync(given).isDirectory() ? join(given, 'etcd') : given);
  if (!existsSync(path)) throw new InputError(`--etcd ${given}: the folder has no file named etcd`);
  const output = await askVersion(path, timeoutMs);
  const release = /^etcd Version: (\d+\.\d+\.\d+[^\s]*)/m.exec(output)?.[1];
  if (release === undefined) {
    throw new InputError(`--etcd ${given}: 'etcd --version' does not name a release: ${firstLine(output)}`);
  }
  if (wanted !== undefined && wanted !== release) {
    throw new InputError(
      `--release ${wanted}: the binary is ${release}; leave the option out, or name a binary of ${wanted}`,
    );
  }
  return {path, release};
}

/**
 * What `etcd --version` prints. A file that is no etcd may do anything instead: it runs in a folder and a process group of its own,
 * and whatever it started has ended when this returns.
 */
async function askVersion(path: string, timeoutMs: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'etcdsim-version-'));
  const watchdog = startWatchdog(folder);
  try {
    return await firstOutput(path, folder, watchdog, timeoutMs);
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    throw new InputError(`--etcd ${path}: cannot be run: ${reason}`);
  } finally {
    watchdog.close();
  }
}

function firstOutput(path: string, cwd: string, watchdog: Watchdog, timeoutMs: number): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(path, ['--version'], {cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe']});
    watchdog.guardGroup(child);
    const timer = setTimeout(() => {
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      failed(new Error(`no answer to --version within ${timeoutMs / 1000} s; it was ended, with all that it started`));
    }, timeoutMs);
    const said = {stdout: '', stderr: ''};
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] = (said[name] + text).slice(0, OUTPUT_SIZE_MAX);
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      failed(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(said.stdout);
      else failed(new Error(`${signal ?? `exit code ${code}`}: ${firstLine(said.stderr) || firstLine(said.stdout)}`));
    });
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 200) ?? '';
}
