// live/real/watchdog.ts: real etcd processes never outlive the command, however it ends.
// A shell in its own session holds the reading end of a pipe and the list of process ids. When the pipe closes, because we
// closed it or because we were killed without a chance to clean up (SIGKILL, out of memory), it kills what is on the list and
// removes the folder. It ends itself right after. A clean end, an error, SIGINT and SIGTERM go through `close` too.
import {type ChildProcess, spawn} from 'node:child_process';
import {rmSync} from 'node:fs';
import {assert} from '../../base/assert.ts';

// +pid: guard it. -pid: it has ended, its number may be used again by a stranger. A group of processes has the number -pid.
const SCRIPT = `
pids=" "
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
rm -rf -- "$1"
`;

const SIGNALS = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129} as const;

export interface Watchdog {
  /** Takes a process under guard. Call it right after the process was started. */
  guard(child: ChildProcess): void;
  /** Takes a process that was started with `detached` under guard, and all that it starts: they stay under guard when it ends. */
  guardGroup(child: ChildProcess): void;
  /** Kills every guarded process and removes the folder. May be called more than once. */
  close(): void;
}

/** Guards processes and the folder they work in. */
export function startWatchdog(folder: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'etcdsim-watchdog', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  const pipe = shell.stdin;
  assert(pipe !== null, 'the watchdog has a pipe', {folder});
  pipe.on('error', () => undefined); // the shell was killed: our own clean-up remains
  (pipe as unknown as {unref?: () => void}).unref?.();
  const alive = new Set<ChildProcess>();
  const groups = new Set<number>();
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    process.off('exit', close);
    for (const [signal, handler] of handlers) process.off(signal, handler);
    for (const child of alive) child.kill('SIGKILL');
    for (const pid of groups) killGroup(pid);
    pipe.end();
    rmSync(folder, {recursive: true, force: true, maxRetries: 5});
  };
  const handlers = Object.entries(SIGNALS).map(([signal, code]) => {
    const handler = (): void => {
      close();
      process.exit(code);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  process.on('exit', close);

  return {
    guard(child) {
      const {pid} = child;
      if (pid === undefined) return; // it never started; its error event tells why
      assert(!closed, 'the watchdog is closed', {pid});
      alive.add(child);
      pipe.write(`+${pid}\n`);
      child.once('exit', () => {
        alive.delete(child);
        if (!closed) pipe.write(`-${pid}\n`);
      });
    },
    guardGroup({pid}) {
      if (pid === undefined) return;
      assert(!closed, 'the watchdog is closed', {pid});
      groups.add(pid);
      pipe.write(`+-${pid}\n`);
    },
    close,
  };
}

/** Its number belongs to the group as long as any process of it lives; without one there is nobody to kill. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // all have ended
  }
}
