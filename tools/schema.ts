// tools/schema.ts: `node tools/schema.ts` writes the JSON Schemas of run records and plans to docs/. A test keeps them as the code is.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {z} from 'zod';
import {runRecordSchema} from '../history/run-record.ts';
import {planSchema} from '../scenarios/plan.ts';
import {ROOT} from './source-files.ts';

/** Paths from the root, and the text that belongs there. */
export function schemaFiles(): {readonly path: string; readonly text: string}[] {
  const text = (schema: z.ZodType) => `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n`;
  return [
    {path: 'docs/run-record.schema.json', text: text(runRecordSchema)},
    {path: 'docs/plan.schema.json', text: text(planSchema)},
  ];
}

if (process.argv[1] === import.meta.filename) {
  for (const {path, text} of schemaFiles()) writeFileSync(join(ROOT, path), text);
}
