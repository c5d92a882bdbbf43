// live/upgrade/snapshot-tool.ts: `snapshot restore` of a real release: etcdutl from 3.5 on, etcdctl before it, as it lies beside the binary.
import {execFile} from 'node:child_process';
import {existsSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {InputError} from '../../base/input-error.ts';
import type {EtcdBinary} from '../real/etcd-binary.ts';
import type {MemberAddress} from '../world.ts';
import {RESTORED_TOKEN, type RestoreRequest} from './upgrade-world.ts';

const execute = promisify(execFile);
const RESTORE_MS_MAX = 30_000;
const VERSION_MS_MAX = 10_000;
const TROUBLE_SIZE_MAX = 300;

/** The API of etcdctl is chosen by a variable up to 3.3; nothing else of the caller's is to matter. */
const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD'))),
  ETCDCTL_API: '3',
});

/** The tool of the binary's own release. Throws InputError: there is none beside it, or one of another release. */
export async function findRestoreTool({path, release}: EtcdBinary): Promise<string> {
  const folder = dirname(path);
  // etcdctl of 3.6 restores no more.
  const names = Number(release.split('.')[1]) >= 6 ? ['etcdutl'] : ['etcdutl', 'etcdctl'];
  const name = names.find((one) => existsSync(join(folder, one)));
  if (name === undefined) {
    throw new InputError(`snapshot-restore with ${release} needs ${names.join(' or ')}, which is not in ${folder}`);
  }
  const tool = join(folder, name);
  const found = await askVersion(tool);
  if (found !== release)
    throw new InputError(`snapshot-restore with ${release}: ${tool} is ${found ?? 'no etcd tool'}`);
  return tool;
}

async function askVersion(tool: string): Promise<string | undefined> {
  try {
    const {stdout} = await execute(tool, ['version'], {timeout: VERSION_MS_MAX, env: environment()});
    return /^etcd(?:utl|ctl) version: (\S+)/m.exec(stdout)?.[1];
  } catch {
    return undefined; // it cannot be run, or does not know the command
  }
}

/** Makes `<folder>/<name of the member>`; a text: the tool's last line. */
export async function restoreReal(
  {name, peerUrl}: MemberAddress,
  folder: string,
  {release, snapshot, initialCluster, bumpRevision, markCompacted}: RestoreRequest,
  binaries: ReadonlyMap<string, EtcdBinary>,
): Promise<string | undefined> {
  const binary = binaries.get(release);
  if (binary === undefined) throw new InputError(`snapshot-restore: no binary of ${release}`);
  const tool = await findRestoreTool(binary);
  const file = join(folder, 'snapshot.db');
  writeFileSync(file, snapshot);
  const given = [
    'snapshot',
    'restore',
    file,
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--initial-cluster=${initialCluster.map((one) => `${one.name}=${one.peerUrl}`).join(',')}`,
    `--initial-cluster-token=${RESTORED_TOKEN}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    ...(bumpRevision === undefined ? [] : [`--bump-revision=${bumpRevision}`]),
    ...(markCompacted === undefined ? [] : [`--mark-compacted=${markCompacted}`]),
  ];
  try {
    await execute(tool, given, {timeout: RESTORE_MS_MAX, env: environment(), cwd: folder});
    return undefined;
  } catch (error) {
    const {stderr = ''} = error as {readonly stderr?: string};
    const lines = stderr.trim().split('\n');
    const line = lines.find((one) => one.startsWith('Error: ')) ?? lines.at(-1) ?? '';
    return line.replace(/^Error: /, '').slice(0, TROUBLE_SIZE_MAX);
  }
}
