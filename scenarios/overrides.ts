// scenarios/overrides.ts: changes to a drawn plan by path, as `--set traffic.clientCount=4` gives them.
import {InputError} from '../base/input-error.ts';
import type {Plan} from './plan.ts';
import {parsePlan} from './plan.ts';

/** A place in the plan, dots between the names, and the JSON value to put there. */
export interface PlanOverride {
  readonly path: string;
  readonly value: unknown;
}

/** How the path of an override begins that stands for a whole plan; the name of its file follows. */
export const PLAN_FILE = 'plan:';

/** Reads `path=value`; a value that is not JSON is text. */
export function parseOverride(text: string): PlanOverride {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new InputError(`--set ${text}: write it as path=value, as in --set traffic.clientCount=4`);
  const [path, raw] = [text.slice(0, equals), text.slice(equals + 1)];
  try {
    return {path, value: JSON.parse(raw) as unknown};
  } catch {
    return {path, value: raw};
  }
}

/** The plan with the overrides in place; an InputError when a path is not there or a value does not fit. */
export function applyOverrides(plan: Plan, overrides: readonly PlanOverride[]): Plan {
  if (overrides.length === 0) return plan;
  let copy = structuredClone(plan) as Record<string, unknown>;
  for (const {path, value} of overrides) {
    if (path.startsWith(PLAN_FILE)) copy = structuredClone(parsePlan(value, path.slice(PLAN_FILE.length)));
    else setAt(copy, path, value);
  }
  return parsePlan(copy, '--set');
}

function setAt(root: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at: Record<string, unknown> = root;
  for (const name of names) {
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    if (typeof next !== 'object' || next === null) throw unknownPath(path, name, at);
    at = next as Record<string, unknown>;
  }
  if (!Object.hasOwn(at, last)) throw unknownPath(path, last, at);
  at[last] = value;
}

function unknownPath(path: string, name: string, at: Record<string, unknown>): InputError {
  return new InputError(`--set ${path}: the plan has no '${name}' there; it has ${Object.keys(at).sort().join(', ')}`);
}
