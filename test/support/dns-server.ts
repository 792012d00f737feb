import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { isIPv6 } from 'node:net';
import { afterAll } from 'vitest';

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly target: string;
      readonly port: number;
      readonly priority?: number;
      readonly weight?: number;
    };

/** What the server does with every question. `truncated`: a UDP answer says TC, and TCP has it whole. */
export type DnsMood = 'well' | 'silent' | 'servfail' | 'refused' | 'garbage' | 'truncated';

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
const CODES = { well: 0, servfail: 2, nxdomain: 3, refused: 5 } as const;

/** A DNS server that says what a test wants, over UDP and TCP. */
export interface DnsServer {
  /** `127.0.0.1:5353`. */
  readonly address: string;
  /** By name in lower case, without a dot at its end. A name that is not here gives NXDOMAIN. */
  readonly names: Map<string, readonly DnsRecord[]>;
  mood: DnsMood;
  /** `A api.internal udp`, of every question so far. */
  readonly asked: string[];
  close(): Promise<void>;
}

const running = new Set<DnsServer>();
afterAll(() => Promise.all([...running].map((server) => server.close())));

/** `a('10.0.0.1', '10.0.0.2')`. */
export function a(...addresses: readonly string[]): DnsRecord[] {
  return addresses.map((address) => ({ type: isIPv6(address) ? 'AAAA' : 'A', address }));
}

export async function startDnsServer(names: Record<string, readonly DnsRecord[]> = {}): Promise<DnsServer> {
  let tcp!: Server;
  let udp!: Socket;
  // One port for both.
  for (;;) {
    tcp = createServer();
    const port = await new Promise<number>((resolve) =>
      tcp.listen(0, '127.0.0.1', () => resolve((tcp.address() as { port: number }).port)),
    );
    udp = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) break;
    tcp.close();
  }
  const server: DnsServer = {
    address: `127.0.0.1:${udp.address().port}`,
    names: new Map(Object.entries(names)),
    mood: 'well',
    asked: [],
    async close() {
      if (!running.delete(server)) return;
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
  const answerTo = (query: Buffer, isUdp: boolean): Buffer | undefined => {
    const { name, type, end } = questionIn(query);
    const typeName = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
    server.asked.push(`${typeName} ${name} ${isUdp ? 'udp' : 'tcp'}`);
    const { mood } = server;
    if (mood === 'silent') return undefined;
    if (mood === 'garbage') return Buffer.concat([query.subarray(0, 2), Buffer.from('garbage')]);
    const records = server.names.get(name);
    const isTruncated = mood === 'truncated' && isUdp;
    const code =
      mood === 'servfail' || mood === 'refused'
        ? CODES[mood]
        : records === undefined
          ? CODES.nxdomain
          : CODES.well;
    const told = code === 0 && !isTruncated ? records!.filter((record) => TYPES[record.type] === type) : [];
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (isTruncated ? 0x0200 : 0) | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(told.length, 6);
    return Buffer.concat([head, query.subarray(12, end), ...told.map(recordBytes)]);
  };
  udp.on('message', (query, peer) => {
    const answer = answerTo(query, true);
    if (answer !== undefined) udp.send(answer, peer.port, peer.address);
  });
  tcp.on('connection', (socket) => {
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const query = held.subarray(2, 2 + held.readUInt16BE(0));
        held = held.subarray(2 + query.length);
        const answer = answerTo(query, false);
        if (answer === undefined) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  });
  running.add(server);
  return server;
}

function questionIn(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function recordBytes(record: DnsRecord): Buffer {
  const data =
    record.type === 'SRV'
      ? Buffer.concat([
          Buffer.from(
            new Uint8Array(
              [record.priority ?? 10, record.weight ?? 1, record.port].flatMap((each) => [
                each >> 8,
                each & 255,
              ]),
            ),
          ),
          nameBytes(record.target),
        ])
      : addressBytes(record.address);
  const head = Buffer.alloc(12);
  // The name is that of the question.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE('ttl' in record ? (record.ttl ?? 1) : 1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(before);
  const last = after === undefined ? [] : groups(after);
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
