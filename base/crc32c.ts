// base/crc32c.ts: CRC-32C (Castagnoli), four bytes at a time, as etcd's WAL and .snap files carry it.
const POLYNOMIAL = 0x82f63b78;
const TABLES: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const tables = Array.from({length: 4}, () => new Uint32Array(256));
  const [first] = tables as [Uint32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  for (let level = 1; level < 4; level++) {
    const table = tables[level] as Uint32Array;
    const below = tables[level - 1] as Uint32Array;
    for (let byte = 0; byte < 256; byte++) {
      const crc = below[byte] as number;
      table[byte] = (first[crc & 0xff] as number) ^ (crc >>> 8);
    }
  }
  return tables;
}

/** Goes on from an earlier checksum over more bytes; start with 0. Go: crc32.Update(crc, Castagnoli, bytes). */
export function crc32c(previous: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = ~previous;
  let at = 0;
  const bulkEnd = bytes.length - 3;
  while (at < bulkEnd) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t3[crc & 0xff] as number) ^
      (t2[(crc >>> 8) & 0xff] as number) ^
      (t1[(crc >>> 16) & 0xff] as number) ^
      (t0[crc >>> 24] as number);
    at += 4;
  }
  while (at < bytes.length) crc = (t0[(crc ^ (bytes[at++] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
