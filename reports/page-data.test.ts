// What a page carries: small, safe inside HTML, and the same again when read back.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Random} from '../base/random.ts';
import {pack, unpack} from './pack.ts';
import {decodePageData, encodePageData, PACKED_SIZE_MAX, pageDataOf} from './page-data.ts';
import {escapeJson, fillTemplate} from './page-template.ts';
import {drawRecord, put, recordOf, staleRead} from './testing/sample-record.ts';
import {runView} from './view-model.ts';

test('packed bytes come back as they went in', () => {
  const bytes = fc.oneof(
    fc.uint8Array({maxLength: 400}),
    // Few different bytes and long runs: matches that overlap themselves, and lengths past one byte.
    fc
      .array(fc.tuple(fc.integer({min: 0, max: 2}), fc.integer({min: 1, max: 700})), {maxLength: 8})
      .map((runs) => Uint8Array.from(runs.flatMap(([value, count]) => new Array<number>(count).fill(value)))),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      expect([...unpack(pack(given), given.length)]).toEqual([...given]);
    }),
    {seed: 1, numRuns: 300},
  );
});

test('packing makes texts of operations smaller', () => {
  const text = new TextEncoder().encode(
    Array.from({length: 2_000}, (_, i) => `put k${i % 7} = ${i}\tstored`).join('\n'),
  );
  expect(pack(text).length).toBeLessThan(text.length / 2);
});

test('packed bytes that are cut are an error, not an endless loop', () => {
  const text = pack(new TextEncoder().encode('put k = v, put k = v, put k = v'));
  expect(() => unpack(text.slice(0, 8), 31)).toThrow(/packed bytes|unpacked bytes/);
});

test.each([
  ['a violation', staleRead()],
  ['nothing', recordOf()],
  [
    'a drawn run',
    drawRecord({
      seed: 2,
      operationCount: 500,
      clientCount: 7,
      keyCount: 5,
      meanUs: 4_000,
      valueSize: 12,
      withFaults: true,
      withViolation: true,
    }),
  ],
])('operations come back as they went in: %s', (_name, record) => {
  const view = runView(record);
  const {columns, textOf} = decodePageData(encodePageData(view));
  const {count, ...given} = view.operations;
  expect(columns.count).toBe(count);
  for (const [name, column] of Object.entries(given)) {
    expect(Array.from(columns[name as keyof typeof given])).toEqual(Array.from(column as ArrayLike<number>));
  }
  expect(view.texts.map((_, at) => `${textOf(at).request}\t${textOf(at).outcome}`)).toEqual(view.texts);
});

const nasty = '</script><script>alert(1)</script><!-- \u2028\u2029 $& $1 etcdsim-place-of-data';

test('nothing in the data can leave its element', () => {
  const page = fillTemplate(
    '<title>etcdsim-place-of-title</title><pre>etcdsim-place-of-text</pre><script>etcdsim-place-of-data</script>',
    {
      title: nasty,
      text: nasty,
      data: {nasty},
    },
  );
  expect(page.match(/<\/?script/g)).toEqual(['<script', '</script']);
  expect(page).not.toMatch(/<!--/);
  const json = /<script>(.*)<\/script>/s.exec(page)?.[1] ?? '';
  expect(json).not.toMatch(/[<\u2028\u2029]/);
  expect(JSON.parse(json)).toEqual({nasty});
  expect(page).toContain('<title>&lt;/script&gt;');
});

test('a template without a place is refused', () => {
  expect(() => fillTemplate('<title>etcdsim-place-of-title</title>', {title: '', text: '', data: 0})).toThrow(
    /has no etcdsim-place-of/,
  );
});

test('escaped JSON reads back equal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(escapeJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    {seed: 3, numRuns: 100},
  );
});

test('values too large for a page are cut, and the page says so; those of a finding stay whole', () => {
  const random = Random.fromSeed(8).stream('noise');
  const values = Array.from({length: 14_000}, () =>
    String.fromCharCode(...Array.from({length: 250}, () => 33 + random.below(90))),
  );
  const operations = Array.from({length: 14_000}, (_, at) =>
    put(at, at % 10, [at * 10, at * 10 + 90], 'k', values[at] ?? '', at + 2),
  );
  const record = recordOf({operations, findings: [{check: 'c', kind: 'violation', message: 'm', operations: [7]}]});
  const data = pageDataOf(record);
  expect(data.columns[1].length + data.texts[1].length).toBeLessThanOrEqual(PACKED_SIZE_MAX);
  expect(data.head.valueSizeMax).toBeGreaterThan(0);
  const {textOf} = decodePageData(data);
  expect(textOf(6).request).toMatch(/…\(250 bytes\)$/);
  expect(textOf(7).request).toBe(`put k = ${values[7]}`);
});
