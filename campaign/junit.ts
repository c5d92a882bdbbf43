// campaign/junit.ts: a campaign as JUnit XML: a suite for each scenario, a case for each seed that is worth telling, as CI shows it.
import type {CampaignSummary, Failure} from './summary.ts';

/** The XML text. `reproduce` gives the line that shows a failure again. */
export function junitXml(summary: CampaignSummary, reproduce: (failure: Failure) => string): string {
  const suites = summary.scenarios.map((row) => {
    const failures = summary.failures.filter(({scenario}) => scenario === row.scenario);
    const failed = new Set(failures.filter(({verdict}) => verdict === 'violation').map(({seed}) => seed)).size;
    const skipped = new Set(failures.filter(({verdict}) => verdict === 'unknown').map(({seed}) => seed)).size;
    const cases = failures.map((failure) => testCase(failure, reproduce(failure)));
    const rest = row.runCount - failed - skipped;
    cases.push(`    <testcase classname="${xmlText(row.scenario)}" name="${rest} seeds without a finding"/>`);
    return [
      `  <testsuite name="${xmlText(row.scenario)}" tests="${cases.length}" failures="${failed}" errors="0" skipped="${skipped}">`,
      ...cases,
      '  </testsuite>',
    ].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="etcdsim">\n${suites.join('\n')}\n</testsuites>\n`;
}

function testCase({scenario, seed, verdict, check, message}: Failure, reproduce: string): string {
  const open = `    <testcase classname="${xmlText(scenario)}" name="seed ${seed}: ${xmlText(check)}">`;
  const body =
    verdict === 'unknown'
      ? `      <skipped message="${xmlText(message)}"/>`
      : `      <failure type="${xmlText(check)}" message="${xmlText(message)}">${xmlText(reproduce)}</failure>`;
  return `${open}\n${body}\n    </testcase>`;
}

function xmlText(text: string): string {
  // XML 1.0 has no place for most control characters, not even escaped.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
