// checkers/testing/oracles.ts: where recorded histories lie that somebody else has judged. Only tests and tools use it.
// They are looked for in ETCDSIM_ORACLES (a folder like `shared`) or ../shared beside the project; where they are absent
// tests are skipped and say so, unless ETCDSIM_REQUIRE_ORACLES=1 makes absence a failure.
import {assert} from '../../base/assert.ts';

export interface OracleLookup {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The project's root. */
  readonly root: string;
  readonly exists: (path: string) => boolean;
}

/** The folder `data` of the oracles, or undefined where it is absent and not required. */
export function findOracles({environment, root, exists}: OracleLookup): string | undefined {
  const folder = `${environment['ETCDSIM_ORACLES'] ?? `${root}/../shared`}/data`;
  if (exists(`${folder}/jepsen-etcd/expected.json`)) return folder;
  assert(environment['ETCDSIM_REQUIRE_ORACLES'] !== '1', 'the oracles are required and absent', {folder});
  return undefined;
}
