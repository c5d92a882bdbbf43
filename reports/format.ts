// reports/format.ts: quantities as people read them. Whole-number arithmetic only, so that every engine prints the same.

/** 3141592 µs as "3.141592 s". */
export function exactSeconds(us: number): string {
  return `${Math.floor(us / 1_000_000)}.${String(us % 1_000_000).padStart(6, '0')} s`;
}

/** 3141592 µs as "3.14 s": cut, not rounded, so that a time never reads as later than it was. */
export function shortSeconds(us: number): string {
  return `${Math.floor(us / 1_000_000)}.${String(Math.floor((us % 1_000_000) / 10_000)).padStart(2, '0')} s`;
}

/** A span in the unit that fits: "840 µs", "3.40 ms", "1.20 s". */
export function duration(us: number): string {
  if (us < 1_000) return `${us} µs`;
  if (us < 1_000_000) return `${Math.floor(us / 1_000)}.${String(Math.floor((us % 1_000) / 10)).padStart(2, '0')} ms`;
  return shortSeconds(us);
}

/** A long span: "95.20 s", "12 min 5 s", "7 h 12 min". */
export function longDuration(us: number): string {
  const seconds = Math.floor(us / 1_000_000);
  if (seconds < 120) return shortSeconds(us);
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${grouped(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** 1234567 as "1,234,567". */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1 operation", "2 operations". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** "a", "a and b", "a, b and c". */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
