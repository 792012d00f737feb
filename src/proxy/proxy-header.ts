import { formatAddress, parseAddress } from '../route/address.js';

/*
 * The PROXY protocol: a load balancer that only moves bytes says in front of them whose they are.
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, version 1 (a line) and 2 (binary).
 */

/** What stands at the beginning of a connection. */
export interface ProxyHeader {
  /** The client's address; undefined: the balancer speaks for itself, as its own health checks do. */
  readonly address: string | undefined;
  /** Where the header ends. */
  readonly end: number;
}

/** `more`: it is none yet, and may become one. `none`: it never will. */
export type ReadProxyHeader = ProxyHeader | 'more' | 'none';

const LINE_START = Buffer.from('PROXY ', 'latin1');
/** "\r\n" included (§2.1). */
const LINE_BYTES_MAX = 107;
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const BINARY_HEAD_BYTES = 16;
/** Room for addresses and the fields behind them, which are not read. */
const BINARY_BYTES_MAX = 4096;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** Reads the header at the start of `bytes`. */
export function readProxyHeader(bytes: Buffer): ReadProxyHeader {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < BINARY_HEAD_BYTES ? 'more' : binary(bytes);
  if (startsLike(bytes, LINE_START)) return line(bytes);
  return 'none';
}

/** As far as it has come. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const count = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, count, 0, count) === 0;
}

function line(bytes: Buffer): ReadProxyHeader {
  const end = bytes.indexOf('\r\n', 0, 'latin1');
  if (end === -1) return bytes.length < LINE_BYTES_MAX ? 'more' : 'none';
  if (end + 2 > LINE_BYTES_MAX) return 'none';
  const text = bytes.toString('latin1', 0, end);
  // Whatever follows UNKNOWN is to be passed over.
  if (/^PROXY UNKNOWN(?: |$)/.test(text)) return { address: undefined, end: end + 2 };
  const match = /^PROXY TCP([46]) (\S{2,39}) (\S{2,39}) (\d{1,5}) (\d{1,5})$/.exec(text);
  if (match === null) return 'none';
  const [, family, source, target, ...ports] = match as unknown as [string, string, string, string, string];
  const address = parseAddress(source);
  if (address === undefined || parseAddress(target) === undefined) return 'none';
  if (source.includes(':') !== (family === '6') || !ports.every((port) => Number(port) <= 65_535))
    return 'none';
  return { address: formatAddress(address), end: end + 2 };
}

function binary(bytes: Buffer): ReadProxyHeader {
  const versionAndCommand = bytes[12]!;
  const length = bytes.readUInt16BE(14);
  const end = BINARY_HEAD_BYTES + length;
  if (versionAndCommand >> 4 !== 2 || end > BINARY_BYTES_MAX) return 'none';
  const command = versionAndCommand & 0x0f;
  if (command > 1) return 'none';
  if (bytes.length < end) return 'more';
  const family = bytes[13]!;
  // LOCAL, or a family that has no address of the kind that rules and logs know.
  if (command === 0 || (family !== TCP_OVER_IPV4 && family !== TCP_OVER_IPV6))
    return { address: undefined, end };
  const addressBytes = family === TCP_OVER_IPV4 ? 4 : 16;
  if (length < 2 * addressBytes + 4) return 'none';
  const source = bytes.subarray(BINARY_HEAD_BYTES, BINARY_HEAD_BYTES + addressBytes);
  if (family === TCP_OVER_IPV4) return { address: formatAddress(source.readUInt32BE(0)), end };
  const groups = Uint16Array.from({ length: 8 }, (_, at) => source.readUInt16BE(2 * at));
  // IPv4 in IPv6 is IPv4.
  const address = parseAddress(formatAddress(groups)) ?? groups;
  return { address: formatAddress(address), end };
}
