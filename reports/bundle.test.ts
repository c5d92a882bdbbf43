// Pages as files: self-contained, within their size, equal for equal records.
import {expect, test} from 'vitest';
import {renderCampaignPage, renderRunPage} from './bundle.ts';
import {drawRecord, put, recordOf, staleRead} from './testing/sample-record.ts';

test('a page holds all it needs and asks for nothing', async () => {
  const page = await renderRunPage(staleRead());
  expect(page).toContain('<title>swarm seed 17: violation</title>');
  expect(page).toContain("default-src 'none'");
  expect(page).not.toMatch(/<(script|link|img|iframe)[^>]*\s(src|href)="(?!data:)/);
  expect(page).not.toMatch(/@import|url\((?!#|['"]?data:|['"]?#)/);
  expect(page).not.toMatch(/etcdsim-place-of/);
});

test('two pages of one record are equal byte for byte, from any working directory', async () => {
  const here = process.cwd();
  const first = await renderRunPage(staleRead());
  try {
    process.chdir('/');
    expect(await renderRunPage(staleRead())).toBe(first);
  } finally {
    process.chdir(here);
  }
});

test('a value that closes a script element stays a value', async () => {
  const clean = await renderRunPage(recordOf({operations: [put(0, 0, [1, 2], 'k', 'v', 2)]}));
  const nasty = await renderRunPage(
    recordOf({
      scenario: '</script><script>alert(1)</script>',
      plan: {note: '</script><!--'},
      operations: [put(0, 0, [1, 2], 'k</script>', '</script><img src=x>', 2)],
    }),
  );
  const tags = (page: string) => (page.match(/<\/?script/g) ?? []).length;
  expect(tags(nasty)).toBe(tags(clean));
});

test('100,000 operations of 100 clients are a page of at most 5 MB', async () => {
  const record = drawRecord({
    seed: 1,
    operationCount: 100_000,
    clientCount: 100,
    keyCount: 20,
    meanUs: 20_000,
    valueSize: 32,
    withFaults: true,
    withViolation: true,
  });
  const page = await renderRunPage(record);
  expect(Buffer.byteLength(page)).toBeLessThanOrEqual(5_000_000);
});

test('the page of a campaign', async () => {
  const page = await renderCampaignPage({
    startedWith: 'bin/etcdsim run all --seeds 1..9',
    scenarios: [
      {scenario: 'swarm', runs: 9, ok: 8, violations: 1, unknown: 0, simulatedUs: 9_000_000, operationCount: 900},
    ],
    failures: [
      {
        scenario: 'swarm',
        seed: 3,
        check: 'linearizability',
        message: '</script>',
        reproduce: 'bin/etcdsim run swarm --seed 3',
        page: 'swarm-3/run.html',
      },
    ],
    marks: {'WAL tail torn': 0},
  });
  expect(page).toContain('<title>etcdsim: bin/etcdsim run all --seeds 1..9</title>');
  expect(page).toContain('swarm-3/run.html');
  expect(page).not.toMatch(/<(script|link|img)[^>]*\s(src|href)="(?!data:)/);
});
