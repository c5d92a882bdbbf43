// server-core/membership/peer-urls.ts: are these URLs of a member? etcd: pkg/types NewURLs over Go's net/url and net.SplitHostPort.
import type {ByteString} from '../../base/byte-string.ts';

const HOST_URL = /^(https?):\/\/([^/?#]*)(.*)$/i;
const UNIX_URL = /^unixs?:/i;
const BRACKETED = /^\[[0-9a-fA-F:.%]*\]:\d*$/;
const PLAIN = /^[^:[\]\s<>"\\^`{|}%]*:\d*$/;

/** The URLs, trimmed and sorted; undefined when there is none or one of them is not a scheme, a host and a port. */
export function parsePeerUrls(urls: readonly ByteString[]): ByteString[] | undefined {
  if (urls.length === 0) return undefined;
  const parsed: ByteString[] = [];
  for (const text of urls) {
    const url = parseUrl(text.trim());
    if (url === undefined) return undefined;
    parsed.push(url);
  }
  return parsed.sort();
}

function parseUrl(url: ByteString): ByteString | undefined {
  if (UNIX_URL.test(url)) return url;
  const match = HOST_URL.exec(url);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', rest = ''] = match;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (!BRACKETED.test(host) && !PLAIN.test(host)) return undefined;
  if (rest.startsWith('/')) return undefined;
  return `${scheme.toLowerCase()}://${authority}${rest}`;
}
