// The list of marks is that of the code.
import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {KNOWN_MARKS_PATH, knownMarksText} from './marks.ts';

test('campaign/known-marks.ts is as `node tools/marks.ts` writes it', () => {
  expect(readFileSync(KNOWN_MARKS_PATH, 'utf8')).toBe(knownMarksText());
});
