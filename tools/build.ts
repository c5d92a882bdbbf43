// tools/build.ts: `npm run build`: plain JavaScript for Node >= 20 in dist/, with the pages' templates and .proto files beside it.
import {cp} from 'node:fs/promises';
import {join} from 'node:path';
import {build} from 'tsdown';
import {writeTemplates} from '../reports/build-template.ts';
import {ROOT} from './source-files.ts';

await build({cwd: ROOT});
await writeTemplates(join(ROOT, 'dist'));
await cp(join(ROOT, 'live/proto'), join(ROOT, 'dist/proto'), {recursive: true});
