import type { ProxiedConnections } from './proxied-sockets.js';

/**
 * One connection as the gateway sees it, whatever opens the sockets. Nothing here is per request: an engine
 * makes one wire a connection and calls its handler straight from the read, without streams or events in
 * between.
 */
export interface Wire {
  /** The peer's address; empty once it is gone. */
  readonly remoteAddress: string;
  /**
   * False: the client asked for another name when it began with TLS, and the certificate that it got doesn't
   * cover this host, so its request isn't meant for here (RFC 9110 §15.5.20). Absent without TLS.
   */
  isMeantFor?(host: string): boolean;
  /** The subject of the certificate that the client has proven to have; undefined or absent: none. */
  readonly clientSubject?: string | undefined;
  /** False as soon as either side has destroyed it; `onClose` follows. */
  readonly isOpen: boolean;
  /** Bytes written here that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Bytes that the kernel has taken and the peer has not acknowledged, at the most `ageMsMax` ago; undefined
   * or absent where nobody can tell. It may take milliseconds: only for a wire that seems to stand still.
   */
  heldBySystem?(nowMs: number, ageMsMax: number): number | undefined;
  /** Writes a byte string. */
  writeText(text: string): void;
  /** Writes bytes. They must stay as they are until `bufferedBytes` is 0 again. */
  write(bytes: Buffer): void;
  /** Gathers the writes up to `uncork` into one. */
  cork(): void;
  uncork(): void;
  pause(): void;
  resume(): void;
  /** Sends what is written, then says that no more will come. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Closes at once and so that the peer can't take it for a clean end. */
  reset(): void;
}

/** Who is told what happens on a wire. */
export interface WireHandler {
  /**
   * Bytes have come. They are lent: after the call the engine may read into the same memory again, unless the
   * handler answers true, which says that they stand in some wire's buffer still.
   */
  onBytes(bytes: Buffer, start: number, end: number): boolean;
  /** What was buffered is gone. */
  onDrain(): void;
  /** The peer will send no more; it may still read. */
  onEnd(): void;
  /** It is over. Called once, always, whoever closed; `error` when it was not meant to. */
  onClose(error: Error | undefined): void;
}

export interface ConnectHandler extends WireHandler {
  /**
   * `address`: the one of the host's addresses that it leads to, if it is known. `isHttp2`: the upstream has
   * chosen it by ALPN.
   */
  onConnect(address?: string, isHttp2?: boolean): void;
}

export interface ConnectTarget {
  readonly host: string;
  /** Of the addresses that `host` has, this one first. */
  readonly preferredAddress?: string | undefined;
  readonly port: number;
  /** Present: TLS. */
  readonly tls:
    { readonly serverName: string; readonly ca: string | undefined; readonly insecure: boolean } | undefined;
  /** HTTP/2 is to be spoken: over TLS, ALPN offers it and nothing else. */
  readonly http2: boolean;
}

export interface ListenTarget {
  readonly host: string | undefined;
  readonly port: number;
  /** A socket that listens already; it takes the place of `host` and `port`. */
  readonly descriptor?: number | undefined;
  /** Present: TLS. */
  readonly tls: ListenerTls | undefined;
  /** HTTP/2 is offered: to TLS clients by ALPN. */
  readonly http2: boolean;
  /** Where the peer is trusted, a header of the PROXY protocol comes first; undefined: nowhere. */
  readonly proxied: ProxiedConnections | undefined;
  readonly connectionsMax: number;
  /** For a TLS handshake, and for such a header. */
  readonly handshakeTimeMs: number;
  /** A connection was closed as it came: there are as many as may be, or the system has no room: its code. */
  onTurnedAway(code: string | undefined): void;
}

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** How clients are met: PEM texts, and what is offered to them. */
export interface ListenerTls {
  /** At least one; the first for clients that ask for no name, or for one of nobody's. */
  readonly certificates: readonly [CertificatePair, ...CertificatePair[]];
  /** PEM; undefined: clients are asked for no certificate. */
  readonly clientCa: string | undefined;
  readonly isClientCertRequired: boolean;
  readonly minVersion: TlsVersion;
  /** As OpenSSL writes them. */
  readonly ciphers: string;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** New connections from now on are met with this. */
  setTls(tls: ListenerTls): void;
  setConnectionsMax(connectionsMax: number): void;
  /**
   * Accepts no more; connections that are open stay. First it takes what the system has connected already,
   * unless `isShared`: another process goes on accepting at the same socket.
   */
  close(done: () => void, isShared?: boolean): void;
}

/** What opens sockets. */
export interface Engine {
  listen(
    target: ListenTarget,
    accept: (wire: Wire, isSecure: boolean, isHttp2?: boolean) => WireHandler,
  ): Promise<Listener>;
  connect(target: ConnectTarget, handler: ConnectHandler): Wire;
}
