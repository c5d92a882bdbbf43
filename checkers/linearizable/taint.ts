// checkers/linearizable/taint.ts: which keys may hold something else in another order that explains the history so far.
// After a choice between several unanswered writes, the keys any of them may have changed are tainted; an answer that
// shows a key, or a delete that took it, clears it again. What only depends on clean keys is certain.
import type {ByteString} from '../../base/byte-string.ts';
import type {KvStep, StepResponse} from '../../history/operation.ts';
import {hasEnd, scanEnd} from '../models/etcd-kv.ts';

export class Taint {
  private readonly keys = new Set<ByteString>();
  /** Keys that were tainted once: what they held at past revisions stays uncertain. */
  private readonly ever = new Set<ByteString>();

  isClean(): boolean {
    return this.keys.size === 0;
  }

  /** Was nothing ever tainted? Then the past is certain too. */
  wasAlwaysClean(): boolean {
    return this.ever.size === 0;
  }

  /** Taints every key the request may change, whichever way its guards go. `known`: all keys of the history, sorted. */
  add(request: KvStep, known: readonly ByteString[]): void {
    forEachChangedKey(request, known, (key) => {
      this.keys.add(key);
      this.ever.add(key);
    });
  }

  /** May what the request answers or changes depend on a tainted key? */
  touches(request: KvStep): boolean {
    return this.ever.size > 0 && dependsOn(request, this.keys, this.ever);
  }

  /** The tainted keys, to be put back by restore(). */
  save(): readonly ByteString[] {
    return [...this.keys];
  }

  restore(saved: readonly ByteString[]): void {
    this.keys.clear();
    for (const key of saved) this.keys.add(key);
  }

  /** An answer was found to fit: the keys it shows whole are certain from here on. */
  clear(request: KvStep, response: StepResponse): void {
    if (this.keys.size === 0) return;
    if (request.kind === 'range' && response.kind === 'range') {
      if ((request.revision ?? 0) > 0 || request.countOnly === true) return;
      for (const {key} of response.kvs) this.keys.delete(key);
      if (!response.more) this.clearRange(request.key, request.end);
    } else if (request.kind === 'put' && response.kind === 'put') {
      if (request.prevKv === true) this.keys.delete(request.key);
    } else if (request.kind === 'delete-range') {
      this.clearRange(request.key, request.end);
    } else if (request.kind === 'txn' && response.kind === 'txn') {
      const steps = response.succeeded ? request.success : request.failure;
      for (const [i, step] of steps.entries()) {
        const answer = response.responses[i];
        if (answer !== undefined) this.clear(step, answer);
      }
    }
  }

  private clearRange(key: ByteString, end: ByteString | undefined): void {
    for (const tainted of this.keys) if (isWithin(tainted, key, end)) this.keys.delete(tainted);
  }
}

/** Visits every key that the request may change, whichever way its guards go. `known`: all keys there are, sorted. */
export function forEachChangedKey(
  request: KvStep,
  known: readonly ByteString[],
  visit: (key: ByteString) => void,
): void {
  switch (request.kind) {
    case 'range':
      return;
    case 'put':
      visit(request.key);
      return;
    case 'delete-range':
      for (const key of known) if (isWithin(key, request.key, request.end)) visit(key);
      return;
    case 'txn':
      for (const step of request.success) forEachChangedKey(step, known, visit);
      for (const step of request.failure) forEachChangedKey(step, known, visit);
  }
}

/** May what the request answers or changes depend on one of the keys, or, where it reads the past, one of `past`? */
export function dependsOn(request: KvStep, keys: ReadonlySet<ByteString>, past: ReadonlySet<ByteString>): boolean {
  if (request.kind === 'txn') {
    return (
      request.compare.some(({key}) => keys.has(key)) ||
      request.success.some((step) => dependsOn(step, keys, past)) ||
      request.failure.some((step) => dependsOn(step, keys, past))
    );
  }
  const looked = request.kind === 'range' && (request.revision ?? 0) > 0 ? past : keys;
  const end = request.kind === 'put' ? undefined : request.end;
  if (!hasEnd(end)) return looked.has(request.key);
  for (const key of looked) if (isWithin(key, request.key, end)) return true;
  return false;
}

function isWithin(key: ByteString, from: ByteString, end: ByteString | undefined): boolean {
  if (!hasEnd(end)) return key === from;
  const to = scanEnd(end);
  return key >= from && (to === undefined || key < to);
}
