// live/real/etcd-binary.ts: finds the etcd binary that a user points at, and asks it for its release.
import {execFile} from 'node:child_process';
import {existsSync, statSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {promisify} from 'node:util';
import {InputError} from '../../base/input-error.ts';

const execute = promisify(execFile);
const VERSION_TIMEOUT_MS = 10_000;

export interface EtcdBinary {
  readonly path: string;
  readonly release: string;
}

/** The binary at `given` (a file, or a folder with a file `etcd`). Its release must be `wanted` where that is given. */
export async function findEtcd(given: string, wanted: string | undefined): Promise<EtcdBinary> {
  if (!existsSync(given)) throw new InputError(`--etcd ${given}: there is no such file or folder`);
  const path = resolve(statSync(given).isDirectory() ? join(given, 'etcd') : given);
  if (!existsSync(path)) throw new InputError(`--etcd ${given}: the folder has no file named etcd`);
  const output = await askVersion(path);
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

async function askVersion(path: string): Promise<string> {
  try {
    return (await execute(path, ['--version'], {timeout: VERSION_TIMEOUT_MS})).stdout;
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    throw new InputError(`--etcd ${path}: cannot be run: ${reason}`);
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 200) ?? '';
}
