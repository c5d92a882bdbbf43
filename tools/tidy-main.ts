// tools/tidy-main.ts: `npm run tidy`: prints what tidy finds, one line each; exit code 1 when there is anything.
import {sourceFiles} from './source-files.ts';
import {tidy} from './tidy.ts';

const findings = tidy(sourceFiles());
for (const {file, line, message} of findings) console.log(`${file}:${line}: ${message}`);
console.log(findings.length === 0 ? 'tidy: nothing to say' : `tidy: ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
