import * as grpc from '@grpc/grpc-js';
import { afterAll } from 'vitest';

const raw = (bytes: Buffer): Buffer => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
});

/** Messages are bytes, so that no schema is needed. */
export const ECHO = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  repeat: method('Repeat', false, true),
  talk: method('Talk', true, true),
} as const;

const HEALTH = {
  check: { ...method('', false, false), path: '/grpc.health.v1.Health/Check' },
} as const;

const live = new Set<grpc.Server | grpc.Client>();
afterAll(() => {
  for (const each of live) {
    if (each instanceof grpc.Server) each.forceShutdown();
    else each.close();
  }
});

export interface EchoServer {
  readonly url: string;
  /** Metadata of the calls that came, by method. */
  readonly calls: { readonly method: string; readonly metadata: grpc.Metadata; readonly deadline: unknown }[];
  /** Of each service, by `ServingStatus`; others are unknown. */
  readonly health: Map<string, number>;
  readonly server: grpc.Server;
}

/** A server of grpc-js: `fail-7` in a message ends its call with that status, `silence` never. */
export async function startEcho(id = 'echo'): Promise<EchoServer> {
  const server = new grpc.Server();
  const calls: { method: string; metadata: grpc.Metadata; deadline: unknown }[] = [];
  const health = new Map([['', 1]]);
  const came = (call: { metadata: grpc.Metadata; getPath(): string; getDeadline(): grpc.Deadline }): void =>
    void calls.push({ method: call.getPath(), metadata: call.metadata, deadline: call.getDeadline() });
  const trailer = (): grpc.Metadata => {
    const metadata = new grpc.Metadata();
    metadata.set('served-by', id);
    metadata.set('detail-bin', Buffer.from([0, 255, 1]));
    return metadata;
  };
  const failure = (text: string): grpc.ServerErrorResponse | undefined => {
    const code = /^fail-(\d+)$/.exec(text)?.[1];
    if (code === undefined) return undefined;
    return Object.assign(new Error('as asked'), {
      code: Number(code),
      details: 'as asked, ü',
      metadata: trailer(),
    });
  };
  server.addService(ECHO, {
    unary(call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      came(call);
      const text = call.request.toString();
      if (text === 'silence') return;
      const failed = failure(text);
      if (failed === undefined) answer(null, call.request, trailer());
      else answer(failed);
    },
    collect(call: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      came(call);
      let bytes = 0;
      call.on('data', (message: Buffer) => (bytes += message.length));
      call.on('end', () => answer(null, Buffer.from(String(bytes)), trailer()));
    },
    repeat(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      came(call);
      for (let count = Number(call.request.toString()); count > 0; count--)
        call.write(Buffer.from(String(count)));
      call.end(trailer());
    },
    talk(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      came(call);
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end(trailer()));
    },
  });
  server.addService(HEALTH, {
    check(call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      const status = health.get(call.request.subarray(2).toString());
      if (status === undefined) answer({ code: grpc.status.NOT_FOUND });
      else answer(null, Buffer.from(status === 0 ? [] : [8, status]));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  live.add(server);
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    health,
    server,
  };
}

const Client = grpc.makeGenericClientConstructor(ECHO, 'Echo');

/** What a call came to. */
export interface CallEnd {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly string[];
  readonly trailers: grpc.Metadata;
}

/** A client of grpc-js. */
export class EchoClient {
  readonly client: grpc.Client;

  constructor(port: number) {
    this.client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    live.add(this.client);
  }

  unary(
    text: string,
    fields: Readonly<Record<string, string | Buffer>> = {},
    options: object = {},
  ): Promise<CallEnd> {
    const call = this.client.makeUnaryRequest(
      ECHO.unary.path,
      raw,
      raw,
      Buffer.from(text),
      metadataOf(fields),
      options,
      () => {},
    );
    return ended(call);
  }

  collect(): { call: grpc.ClientWritableStream<Buffer>; answer: Promise<string> } {
    let done: (text: string) => void;
    const answer = new Promise<string>((resolve) => (done = resolve));
    const call = this.client.makeClientStreamRequest(ECHO.collect.path, raw, raw, (error, value) =>
      done(error === null ? String(value) : `failed: ${error.code}`),
    );
    return { call, answer };
  }

  repeat(count: number): grpc.ClientReadableStream<Buffer> {
    return this.client.makeServerStreamRequest(ECHO.repeat.path, raw, raw, Buffer.from(String(count)));
  }

  talk(fields: Readonly<Record<string, string>> = {}): grpc.ClientDuplexStream<Buffer, Buffer> {
    return this.client.makeBidiStreamRequest(ECHO.talk.path, raw, raw, metadataOf(fields));
  }
}

/** Resolves when the call has its status, good or bad. */
export function ended(call: grpc.ClientUnaryCall | grpc.ClientReadableStream<Buffer>): Promise<CallEnd> {
  const messages: string[] = [];
  return new Promise((resolve) => {
    const emitter = call as grpc.ClientReadableStream<Buffer>;
    emitter.on('error', () => {});
    if (typeof emitter.read === 'function')
      emitter.on('data', (message: Buffer) => void messages.push(message.toString()));
    emitter.on('status', ({ code, details, metadata }: grpc.StatusObject) =>
      resolve({ code, details, messages, trailers: metadata }),
    );
  });
}

function metadataOf(fields: Readonly<Record<string, string | Buffer>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return metadata;
}
