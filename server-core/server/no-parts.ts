// server-core/server/no-parts.ts: a server without auth, leases or watches, as its applier sees it: for tests of the rest.
import type {AuthPort, LeasePort, WatchPort} from './applier.ts';

export const NO_AUTH: AuthPort = {
  isEnabled: false,
  checkApply: () => undefined,
  // biome-ignore lint/correctness/useYield: nothing to wait for
  serialize: function* (_token, _body, read) {
    return read();
  },
  apply: () => undefined,
  restore: () => undefined,
};

export const NO_LEASES: LeasePort = {
  exists: () => true,
  attach: () => undefined,
  detach: () => undefined,
  apply: () => undefined,
  restore: () => undefined,
};

export const NO_WATCHES: WatchPort = {changed: () => undefined, restored: () => undefined};
