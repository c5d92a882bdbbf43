// server-core/wal/names.ts: names of segments: sequence and first index in hex. etcd: wal/util.go.
import type {Disk} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';

const hex = (value: number): string => value.toString(16).padStart(16, '0');

/** The name of a segment. */
export const walName = (sequence: number, index: number): string => `${hex(sequence)}-${hex(index)}.wal`;

/** Sequence and first index of a name; undefined for any other file. */
export function parseWalName(name: string): {readonly sequence: number; readonly index: number} | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name);
  if (match === null) return undefined;
  return {sequence: Number.parseInt(match[1] ?? '', 16), index: Number.parseInt(match[2] ?? '', 16)};
}

/** The segments in a directory, oldest first; none when the directory is not there. */
export function* listSegments(disk: Disk, directory: string): Fiber<string[]> {
  if ((yield* disk.stat(directory)) === undefined) return [];
  const names = yield* disk.list(directory);
  return names.filter((name) => parseWalName(name) !== undefined);
}

/** The segments needed from a snapshot's index on: the newest that begins at or before it, and all behind it. undefined: none, or a gap. */
export function segmentsFrom(names: readonly string[], index: number): string[] | undefined {
  let start = -1;
  for (const [i, name] of names.entries())
    if ((parseWalName(name)?.index ?? Number.POSITIVE_INFINITY) <= index) start = i;
  if (start < 0) return undefined;
  const chosen = names.slice(start);
  const first = parseWalName(chosen[0] ?? '')?.sequence ?? 0;
  const isWhole = chosen.every((name, i) => parseWalName(name)?.sequence === first + i);
  return isWhole ? chosen : undefined;
}
