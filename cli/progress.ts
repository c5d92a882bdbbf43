// cli/progress.ts: a bar on standard error, only on a terminal, so that pipes and logs stay clean.
import {Presets, SingleBar} from 'cli-progress';

export class Progress {
  private readonly bar: SingleBar | undefined;
  private failureCount = 0;

  constructor(total: number) {
    if (!process.stderr.isTTY) return;
    this.bar = new SingleBar(
      {
        format: '{bar} {value}/{total} runs, {failures} with findings, {duration_formatted}, {eta_formatted} left',
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
      },
      Presets.shades_classic,
    );
    this.bar.start(total, 0, {failures: 0});
  }

  /** One more run is done. */
  add(hasFinding: boolean): void {
    if (hasFinding) this.failureCount++;
    this.bar?.increment(1, {failures: this.failureCount});
  }

  stop(): void {
    this.bar?.stop();
  }
}
