// The search against linearizability by definition, for every model; then what it promises beside the verdict.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {RegisterInput, RegisterOutput} from '../../history/readers/jepsen-log.ts';
import type {KvInput, KvOutput} from '../../history/readers/porcupine-kv.ts';
import {kvByKeyModel, kvWholeModel} from '../models/kv.ts';
import {registerModel} from '../models/register.ts';
import {type SetInput, type SetOutput, setModel} from '../models/set.ts';
import {isLinearizable} from '../testing/brute-force.ts';
import {checkCalls} from './check.ts';
import type {Call, Model} from './model.ts';
import {searchPartition} from './search.ts';

const value = fc.integer({min: 0, max: 2});

/** Calls of a few clients with overlapping times; `exchange` draws a question with any answer, right or wrong. */
function history<Input, Output>(
  exchange: fc.Arbitrary<readonly [Input, Output]>,
  sizeMax: number,
): fc.Arbitrary<Call<Input, Output>[]> {
  const call = fc.record({
    exchange,
    callAt: fc.integer({min: 0, max: 12}),
    duration: fc.integer({min: 0, max: 6}),
    isAnswered: fc.integer({min: 0, max: 4}).map((draw) => draw > 0),
  });
  return fc.array(call, {maxLength: sizeMax}).map((drawn) =>
    drawn.map(({exchange: [input, output], callAt, duration, isAnswered}, id) => ({
      id,
      client: id,
      input,
      output: isAnswered ? output : undefined,
      callAt,
      returnAt: isAnswered ? callAt + duration : undefined,
    })),
  );
}

const registerExchange: fc.Arbitrary<readonly [RegisterInput, RegisterOutput]> = fc.oneof(
  fc.option(value).map((read) => [{kind: 'read'}, {kind: 'read', value: read}] as const),
  value.map((written) => [{kind: 'write', value: written}, {kind: 'write'}] as const),
  fc.tuple(value, value, fc.boolean()).map(
    ([from, to, done]) =>
      [
        {kind: 'cas', from, to},
        {kind: 'cas', done},
      ] as const,
  ),
);

const setExchange: fc.Arbitrary<readonly [SetInput, SetOutput]> = fc.oneof(
  fc.tuple(fc.constantFrom('add' as const, 'remove' as const), value, fc.boolean()).map(
    ([kind, member, changed]) =>
      [
        {kind, value: member},
        {kind: 'changed', changed},
      ] as const,
  ),
  fc.tuple(value, fc.boolean()).map(
    ([member, contains]) =>
      [
        {kind: 'contains', value: member},
        {kind: 'contains', contains},
      ] as const,
  ),
  fc.uniqueArray(value).map((values) => [{kind: 'read'}, {kind: 'read', values}] as const),
);

const key = fc.constantFrom('a', 'b');
const letter = fc.constantFrom('x', 'y');
const kvExchange: fc.Arbitrary<readonly [KvInput, KvOutput]> = fc.oneof(
  fc
    .tuple(key, fc.constantFrom('', 'x', 'y', 'xy', 'yx'))
    .map(([k, read]) => [{kind: 'get', key: k}, {value: read}] as const),
  fc
    .tuple(fc.constantFrom('put' as const, 'append' as const), key, letter)
    .map(([kind, k, text]) => [{kind, key: k, value: text}, {value: ''}] as const),
);

/** The model without what only makes the search faster. */
function plain<State, Input, Output>(model: Model<State, Input, Output>): Model<State, Input, Output> {
  const {init, step, equal, hash, describe: describeCall} = model;
  return {init, step, equal, hash, describe: describeCall};
}

describe('the search says what the definition says', () => {
  function agrees<State, Input, Output, Reference>(
    model: Model<State, Input, Output>,
    exchange: fc.Arbitrary<readonly [Input, Output]>,
    reference: Model<Reference, Input, Output>,
  ): void {
    const verdicts = {ok: 0, violation: 0, unknown: 0};
    const property = fc.property(history(exchange, 6), (calls) => {
      const {verdict} = checkCalls(model, calls);
      verdicts[verdict]++;
      expect(verdict).toBe(isLinearizable(plain(reference), calls) ? 'ok' : 'violation');
    });
    fc.assert(property, {seed: 7, numRuns: 1500});
    expect(verdicts.ok).toBeGreaterThan(100);
    expect(verdicts.violation).toBeGreaterThan(100);
  }
  test('register', () => agrees(registerModel, registerExchange, registerModel));
  test('set', () => agrees(setModel, setExchange, setModel));
  test('key-value store by key', () => agrees(kvByKeyModel, kvExchange, kvWholeModel(['a', 'b'])));
  test('key-value store as one object', () => agrees(kvWholeModel(['a', 'b']), kvExchange, kvWholeModel(['a', 'b'])));
});

test('partitioned and whole key-value models agree on longer histories', () => {
  const property = fc.property(history(kvExchange, 14), (calls) => {
    expect(checkCalls(kvWholeModel(['a', 'b']), calls).verdict).toBe(checkCalls(kvByKeyModel, calls).verdict);
  });
  fc.assert(property, {seed: 8, numRuns: 300});
});

test('short cuts (readers first, twins) change no verdict on longer histories', () => {
  const property = fc.property(history(registerExchange, 12), (calls) => {
    expect(searchPartition(registerModel, calls, 1e6).kind).toBe(
      searchPartition(plain(registerModel), calls, 1e6).kind,
    );
  });
  fc.assert(property, {seed: 9, numRuns: 500});
});

test('partial linearizations respect the model and real time; a whole one holds every answered call', () => {
  const property = fc.property(history(registerExchange, 10), (calls) => {
    const result = searchPartition(registerModel, calls, 1e6);
    for (const partial of [result.linearization, ...result.partials]) {
      let state = registerModel.init();
      for (const [at, place] of partial.entries()) {
        const call = calls[place] as Call<RegisterInput, RegisterOutput>;
        const next = registerModel.step(state, call.input, call.output);
        expect(next).toBeDefined();
        state = next as number | null;
        const later = partial.slice(at + 1).map((other) => calls[other]);
        expect(later.every((other) => (other?.returnAt ?? 99) >= call.callAt)).toBe(true);
      }
    }
    const longest = Math.max(0, ...result.partials.map((partial) => partial.length));
    if (result.kind === 'violation') expect(result.linearization.length).toBe(longest);
    else
      expect(calls.every((call, place) => call.output === undefined || result.linearization.includes(place))).toBe(
        true,
      );
  });
  fc.assert(property, {seed: 10, numRuns: 500});
});

describe('budget and findings', () => {
  const write = (id: number): Call<RegisterInput, RegisterOutput> => ({
    id,
    client: id,
    input: {kind: 'write', value: id},
    output: {kind: 'write'},
    callAt: 0,
    returnAt: 10,
  });
  const staleRead: Call<RegisterInput, RegisterOutput> = {
    id: 99,
    client: 99,
    input: {kind: 'read'},
    output: {kind: 'read', value: 77},
    callAt: 20,
    returnAt: 30,
  };
  const calls = [...Array.from({length: 12}, (_, id) => write(id)), staleRead];

  test('out of budget is unknown, a finding of its own', () => {
    const result = checkCalls(registerModel, calls, {stepsMax: 200});
    expect(result.verdict).toBe('unknown');
    expect(result.findings[0]).toMatchObject({check: 'linearizability', kind: 'unknown'});
    expect(result.steps).toBeLessThan(300);
  });

  test('with budget: a violation that names the operation and the longest orders', () => {
    const result = checkCalls(registerModel, calls, {stepsMax: 1e7});
    expect(result.verdict).toBe('violation');
    expect(result.findings[0]?.operations).toEqual([99]);
    expect(result.findings[0]?.linearizations?.[0]?.length).toBe(12);
    expect(result.findings[0]?.message).toContain('operation 99 of client 99, read -> 77');
  });

  test('two runs spend the same steps', () => {
    const [first, second] = [checkCalls(registerModel, calls), checkCalls(registerModel, calls)];
    expect(second.steps).toBe(first.steps);
    expect(second.findings).toEqual(first.findings);
  });

  test('a hard partition does not hide a violation in another', () => {
    const slow = Array.from(
      {length: 20},
      (_, id): Call<KvInput, KvOutput> => ({
        id,
        client: id,
        input: {kind: 'append', key: 'hard', value: String.fromCharCode(97 + id)},
        output: {value: ''},
        callAt: 0,
        returnAt: 10,
      }),
    );
    const reads = ['hard', 'wrong'].map(
      (k, i): Call<KvInput, KvOutput> => ({
        id: 20 + i,
        client: 0,
        input: {kind: 'get', key: k},
        output: {value: 'never'},
        callAt: 20,
        returnAt: 30,
      }),
    );
    const result = checkCalls(kvByKeyModel, [...slow, ...reads], {stepsMax: 1e7});
    expect(result.verdict).toBe('violation');
    expect(result.findings.map((finding) => [finding.key, finding.kind])).toEqual([
      ['wrong', 'violation'],
      ['hard', 'unknown'],
    ]);
  });

  test('an empty history is ok', () => {
    expect(checkCalls(registerModel, []).verdict).toBe('ok');
  });
});
