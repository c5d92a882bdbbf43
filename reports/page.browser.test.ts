// The pages in Debian's Chromium: no errors, and what a viewer does does what it should. Without /usr/bin/chromium these tests are
// skipped, loudly; with ETCDSIM_REQUIRE_ORACLES=1 its absence is a failure.
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {type BrowserContext, chromium, type Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunRecord} from '../history/run-record.ts';
import {renderCampaignPage, renderRunPage} from './bundle.ts';
import {drawRecord, recordOf, staleRead} from './testing/sample-record.ts';

const CHROMIUM = '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
const isRequired = process.env['ETCDSIM_REQUIRE_ORACLES'] === '1';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

if (!isThere)
  console.warn(
    `SKIPPED: reports/page.browser.test.ts looks at no page, because ${CHROMIUM} is not there (apt-get install chromium)`,
  );

test.runIf(isRequired)('Chromium is there, as ETCDSIM_REQUIRE_ORACLES demands', () => {
  expect(isThere, CHROMIUM).toBe(true);
});

describe.runIf(isThere)('in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'etcdsim-pages-'));
  const complaints: string[] = [];
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: CHROMIUM,
      args: FLAGS,
      headless: true,
      viewport: {width: 1280, height: 900},
      reducedMotion: 'reduce', // moves are at once: nothing waits for an animation
    });
    page = await context.newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) complaints.push(`asks for ${request.url()}`);
    });
  });

  afterAll(async () => {
    await context?.close();
    rmSync(folder, {recursive: true, force: true});
  });

  async function open(name: string, html: string): Promise<void> {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, html);
    await page.goto(pathToFileURL(path).href);
  }
  const openRun = async (name: string, record: RunRecord) => open(name, await renderRunPage(record));
  const axis = () => page.locator('.axis .tick text').allTextContents();

  const violation = drawRecord({
    seed: 17,
    operationCount: 1_500,
    clientCount: 5,
    keyCount: 6,
    meanUs: 9_000,
    valueSize: 8,
    withFaults: true,
    withViolation: true,
  });

  test('the first error: the view moves there, selects the operation, and tells the order', async () => {
    await openRun('violation', violation);
    await expect.poll(axis).toContain('0.5 s');
    await page.locator('#jump').click();
    const [finding] = violation.findings;
    await expect
      .poll(() => page.locator('.selected h2').textContent())
      .toContain(`Operation #${finding?.operations?.[0]}`);
    await expect.poll(axis).not.toContain('0.5 s');
    expect(await page.locator('.findings li.active').textContent()).toContain('linearizability');
    expect(await page.locator('.order-table tr.blocked').textContent()).toContain('cannot come next');
    expect(await page.locator('.order-blocked').count()).toBe(1);
    expect(await page.locator('.overlay .order-step').count()).toBeGreaterThan(3);
    expect(complaints).toEqual([]);
  });

  test('keys: e for the first error, n and p for the others, 0 for the whole run, j for the next operation', async () => {
    await openRun('keys', violation);
    await page.keyboard.press('n');
    await expect.poll(() => page.locator('.counter').textContent()).toBe('1 / 3');
    await page.keyboard.press('n');
    await expect.poll(() => page.locator('.findings li.active').textContent()).toContain('durability');
    await page.keyboard.press('p');
    await page.keyboard.press('p');
    await expect.poll(() => page.locator('.counter').textContent()).toBe('3 / 3');
    await page.keyboard.press('e');
    await expect.poll(() => page.locator('.counter').textContent()).toBe('1 / 3');
    const before = await page.locator('.selected h2').textContent();
    await page.keyboard.press('j');
    await expect.poll(() => page.locator('.selected h2').textContent()).not.toBe(before);
    await page.keyboard.press('0');
    await expect.poll(axis).toContain('0.5 s');
    expect(complaints).toEqual([]);
  });

  test('hovering tells request, answer, member and time; a click selects', async () => {
    await openRun('hover', staleRead());
    await page.keyboard.press('e');
    await expect.poll(() => page.locator('.overlay .order-step').count()).toBe(3);
    await page.keyboard.press('Escape');
    const box = await page.locator('canvas').boundingBox();
    const first = await page.locator('.overlay .order-step circle').first().boundingBox();
    if (box === null || first === null) throw new Error('the picture has a canvas and marks on it');
    // Beside the mark of the first step, on the bar of put k = a.
    await page.mouse.move(first.x + 40, box.y + 8);
    await expect.poll(() => page.locator('.tip').textContent()).toContain('put k = a');
    const tip = await page.locator('.tip').textContent();
    for (const part of ['stored', 'client 0', 'm1', 'revision 2', '4.00 ms']) expect(tip).toContain(part);
    await page.mouse.click(first.x + 40, box.y + 8);
    await expect.poll(() => page.locator('.selected h2').textContent()).toContain('Operation #0');
    expect(complaints).toEqual([]);
  });

  test('wheel and drag move the picture, filters say how much they leave', async () => {
    await openRun('move', violation);
    await expect.poll(axis).toContain('0.5 s');
    const before = await axis();
    const box = await page.locator('.chart').boundingBox();
    if (box === null) throw new Error('the page has a chart');
    await page.mouse.move(box.x + 500, box.y + 8);
    await page.mouse.wheel(0, -600);
    await expect.poll(axis).not.toEqual(before);
    const zoomed = await axis();
    await page.mouse.move(box.x + 500, box.y + 120);
    await page.mouse.down();
    await page.mouse.move(box.x + 300, box.y + 120, {steps: 3});
    await page.mouse.up();
    await expect.poll(axis).not.toEqual(zoomed);
    await page.locator('#filter-kind').selectOption('delete');
    await expect.poll(() => page.locator('.count').textContent()).toMatch(/^\d+ of 1,500 operations$/);
    await page.locator('#filter-client').selectOption('2');
    await expect.poll(() => page.locator('.lane-names div').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('a run without operations, in %s', async (colorScheme) => {
    await page.emulateMedia({colorScheme});
    await openRun(`empty-${colorScheme}`, recordOf({members: [], releases: [], timeline: []}));
    expect(await page.locator('.empty').textContent()).toContain('no client operations');
    expect(await page.locator('#jump').isDisabled()).toBe(true);
    for (const key of ['e', 'n', 'j', '0', '+', 'ArrowLeft']) await page.keyboard.press(key);
    expect(complaints).toEqual([]);
  });

  test('100,000 operations: every bar can be found, and jumping works', async () => {
    const record = drawRecord({
      seed: 1,
      operationCount: 100_000,
      clientCount: 100,
      keyCount: 12,
      meanUs: 9_000,
      valueSize: 8,
      withFaults: true,
      withViolation: true,
    });
    await openRun('big', record);
    await page.keyboard.press('e');
    await expect
      .poll(() => page.locator('.selected h2').textContent())
      .toContain(`Operation #${record.findings[0]?.operations?.[0]}`);
    await expect.poll(() => page.locator('.order-blocked').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('a campaign: totals, groups, links', async () => {
    const scenarios = [
      {scenario: 'swarm', runs: 9, ok: 8, violations: 1, unknown: 0, simulatedUs: 9_000_000, operationCount: 900},
    ];
    const failures = [
      {
        scenario: 'swarm',
        seed: 3,
        check: 'durability',
        message: '<b>lost</b>',
        reproduce: 'bin/etcdsim run swarm --seed 3',
        page: 'swarm-3/run.html',
      },
    ];
    await open(
      'campaign',
      await renderCampaignPage({startedWith: 'bin/etcdsim run all', scenarios, failures, marks: {'WAL tail torn': 0}}),
    );
    expect(await page.locator('.group a').getAttribute('href')).toBe('swarm-3/run.html');
    expect(await page.locator('.group').textContent()).toContain('<b>lost</b>');
    expect(await page.locator('.never').textContent()).toContain('WAL tail torn');
    expect(complaints).toEqual([]);
  });
});
