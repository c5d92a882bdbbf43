// The published JSON Schemas are those of the code, and the version of records is that of the package.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {CODE_VERSION} from '../base/code-version.ts';
import {schemaFiles} from './schema.ts';
import {ROOT} from './source-files.ts';

test.each(schemaFiles().map(({path, text}) => [path, text]))(
  '%s is as `node tools/schema.ts` writes it',
  (path, text) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  },
);

test('the code version is the version in package.json', () => {
  const {version} = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {version: string};
  expect(CODE_VERSION).toBe(version);
});
