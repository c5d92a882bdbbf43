// Every history that somebody else recorded and judged gets the same verdict here.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {describe, expect, test} from 'vitest';
import {checkHistory} from './check-history.ts';
import {findOracles} from './testing/oracles.ts';

const oracles = findOracles({environment: process.env, root: resolve(import.meta.dirname, '..'), exists: existsSync});

if (oracles === undefined) {
  console.warn(
    'SKIPPED: no recorded histories in ../shared/data or $ETCDSIM_ORACLES; checkers not compared with oracles',
  );
  test.skip('recorded histories (absent)', () => {});
} else {
  const jepsen = `${oracles}/jepsen-etcd`;
  const expected = JSON.parse(readFileSync(`${jepsen}/expected.json`, 'utf8')) as Record<string, boolean>;

  describe('Jepsen on etcd, one register', () => {
    test('61 histories', () => expect(Object.keys(expected).length).toBe(61));
    test.each(Object.entries(expected))('%s: %s', (name, isLinearizable) => {
      const result = checkHistory(readFileSync(`${jepsen}/${name}`, 'utf8'), {place: name});
      expect(result.format).toBe('jepsen');
      expect(result.verdict).toBe(isLinearizable ? 'ok' : 'violation');
      if (!isLinearizable) {
        expect(result.findings[0]?.operations?.length).toBe(1);
        expect(result.findings[0]?.linearizations?.length).toBeGreaterThan(0);
      }
    });
  });

  const kv = `${oracles}/porcupine-kv`;
  const names = readdirSync(kv).filter((name) => name.endsWith('.txt'));
  describe('Porcupine on a key-value store', () => {
    test('6 histories', () => expect(names.length).toBe(6));
    test.each(names)('%s by key', (name) => {
      const result = checkHistory(readFileSync(`${kv}/${name}`, 'utf8'), {place: name});
      expect(result.verdict).toBe(name.endsWith('-ok.txt') ? 'ok' : 'violation');
      if (result.verdict === 'violation') expect(result.findings[0]?.key).toBeDefined();
    });
    test.each(names.filter((name) => !name.startsWith('c50')))('%s as one object', (name) => {
      const result = checkHistory(readFileSync(`${kv}/${name}`, 'utf8'), {place: name, model: 'kv-whole'});
      expect(result.verdict).toBe(name.endsWith('-ok.txt') ? 'ok' : 'violation');
    });
  });
}
