import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.js';
import { framedKey, toByteString } from '../../base/framed-key.js';
import type { PoolSnapshot } from '../pool/snapshot.js';
import type { Upstream } from '../pool/upstream.js';
import { hashOfKey } from '../sweep.js';
import type { Binding } from './rule.js';

// The format, byte by byte; docs/affinity.md has the same table. Big-endian. 60 is a multiple of three on
// purpose: 80 characters of base64url then have no spare bits, so a cookie has one spelling.
const VERSION = 1;
const KEY_ID_AT = 1;
const ROUTE_AT = 5;
const UPSTREAM_AT = 10;
const ISSUED_AT = 18;
const REFRESHED_AT = 24;
const IDLE_AT = 30;
const ABSOLUTE_AT = 34;
const NONCE_AT = 38;
const INCARNATION_AT = 42;
const MAC_AT = 44;
const BYTES = 60;

const SPELLING = /^[A-Za-z0-9_-]{80}$/;
const CHARS = 80;
const REMEMBERED_MAX = 16_384;

/** What a sealed cookie says. Instants and limits in milliseconds; a limit of 0 is none. */
export interface SealedBinding {
  readonly issuedAtMs: number;
  /** A 32-bit number: with `issuedAtMs` it is the identity of the binding. */
  readonly nonce: number;
  readonly refreshedAtMs: number;
  readonly idleMs: number;
  readonly absoluteMs: number;
  /** A 16-bit check of the life that the upstream was in; 0: nothing is known of it. */
  readonly incarnation: number;
}

/** A cookie whose MAC holds. Its times and its upstream are for the caller to judge, on every use. */
export interface OpenedCookie extends SealedBinding, Binding {
  readonly text: string;
  /** Opaque; `upstreamIndex` knows whose it is. */
  readonly upstreamTag: string;
  /** Which of the secrets sealed it; 0 is the one that seals now. */
  readonly secretIndex: number;
}

interface SealingKey {
  readonly id: number;
  readonly macKey: Uint8Array;
  readonly tagKey: Uint8Array;
  readonly routeTag: Buffer;
}

/**
 * Seals and opens the cookies of one route. The first secret seals, all open. Nothing in a cookie can be
 * linked to an upstream's name or address, or to the same upstream in another route, without the secret.
 */
export class CookieSeal {
  readonly #route: string;
  readonly #keys: readonly SealingKey[];
  /**
   * Cookies whose MAC was found to hold, so that a client costs one HMAC, not one a request. Forgeries are
   * never stored.
   */
  readonly #opened = new BoundedMap<string, OpenedCookie>(REMEMBERED_MAX, (opened) => opened.text);
  /** By the array of upstreams, which snapshots share until the pool's members change. */
  readonly #tables = new WeakMap<readonly Upstream[], Map<string, number>[]>();

  constructor(route: string, secrets: readonly string[]) {
    this.#route = route;
    this.#keys = secrets.map((secret) => sealingKey(secret, route));
  }

  seal(upstreamId: string, binding: SealedBinding): string {
    const key = this.#keys[0]!;
    const bytes = Buffer.alloc(BYTES);
    bytes[0] = VERSION;
    bytes.writeUInt32BE(key.id, KEY_ID_AT);
    key.routeTag.copy(bytes, ROUTE_AT);
    upstreamTag(key, this.#route, upstreamId).copy(bytes, UPSTREAM_AT);
    bytes.writeUIntBE(binding.issuedAtMs, ISSUED_AT, 6);
    bytes.writeUIntBE(binding.refreshedAtMs, REFRESHED_AT, 6);
    bytes.writeUInt32BE(binding.idleMs / 1000, IDLE_AT);
    bytes.writeUInt32BE(binding.absoluteMs / 1000, ABSOLUTE_AT);
    bytes.writeUInt32BE(binding.nonce, NONCE_AT);
    bytes.writeUInt16BE(binding.incarnation, INCARNATION_AT);
    this.#mac(key, bytes).copy(bytes, MAC_AT);
    return bytes.toString('base64url');
  }

  /**
   * Undefined for everything that one of the secrets did not seal, in exactly these characters, for this
   * route.
   */
  open(text: string): OpenedCookie | undefined {
    if (text.length !== CHARS) return undefined;
    const known = this.#opened.get(text);
    if (known !== undefined) return known;
    if (!SPELLING.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    if (bytes[0] !== VERSION) return undefined;
    const keyId = bytes.readUInt32BE(KEY_ID_AT);
    // A loop, not a map by key id: two secrets may share one by chance.
    const secretIndex = this.#keys.findIndex((key) => key.id === keyId && this.#isSealedBy(key, bytes));
    if (secretIndex === -1) return undefined;
    const opened = this.#read(bytes, secretIndex);
    this.#opened.set(opened.text, opened);
    return opened;
  }

  /** Where the cookie's upstream stands in the pool; undefined when the pool no longer has it. */
  upstreamIndex(cookie: OpenedCookie, pool: PoolSnapshot): number | undefined {
    let tables = this.#tables.get(pool.upstreams);
    if (tables === undefined) this.#tables.set(pool.upstreams, (tables = []));
    const table = (tables[cookie.secretIndex] ??= this.#table(
      this.#keys[cookie.secretIndex]!,
      pool.upstreams,
    ));
    return table.get(cookie.upstreamTag);
  }

  #read(bytes: Buffer, secretIndex: number): OpenedCookie {
    const tag = bytes.toString('latin1', UPSTREAM_AT, ISSUED_AT);
    const issuedAtMs = bytes.readUIntBE(ISSUED_AT, 6);
    const nonce = bytes.readUInt32BE(NONCE_AT);
    // Not the tag: it changes when the next secret takes over, and a borrower would change its stand-in.
    const key = framedKey(toByteString(this.#route), String(issuedAtMs), String(nonce));
    return {
      // Encoded anew: the text given is a slice that would keep its whole request head in memory.
      text: bytes.toString('base64url'),
      upstreamTag: tag,
      secretIndex,
      issuedAtMs,
      nonce,
      refreshedAtMs: bytes.readUIntBE(REFRESHED_AT, 6),
      idleMs: bytes.readUInt32BE(IDLE_AT) * 1000,
      absoluteMs: bytes.readUInt32BE(ABSOLUTE_AT) * 1000,
      incarnation: bytes.readUInt16BE(INCARNATION_AT),
      key,
      identity: hashOfKey(key),
    };
  }

  #isSealedBy(key: SealingKey, bytes: Buffer): boolean {
    if (key.routeTag.compare(bytes, ROUTE_AT, UPSTREAM_AT) !== 0) return false;
    return timingSafeEqual(this.#mac(key, bytes), bytes.subarray(MAC_AT));
  }

  /** Over every byte before it, of fixed length, and the route's whole name behind them. */
  #mac(key: SealingKey, bytes: Buffer): Buffer {
    return createHmac('sha256', key.macKey)
      .update(bytes.subarray(0, MAC_AT))
      .update(this.#route)
      .digest()
      .subarray(0, BYTES - MAC_AT);
  }

  #table(key: SealingKey, upstreams: readonly Upstream[]): Map<string, number> {
    return new Map(
      upstreams.map(({ id }, index) => [upstreamTag(key, this.#route, id).toString('latin1'), index]),
    );
  }
}

/**
 * HKDF (RFC 5869) makes independent keys of one secret, so that what is shown (id, tags) tells nothing of
 * what seals.
 */
function sealingKey(secret: string, route: string): SealingKey {
  const derive = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, 'stickyroute', `sealed-cookie v1 ${purpose}`, bytes));
  const tagKey = derive('tag', 32);
  const routeTag = createHmac('sha256', tagKey)
    .update(framedKey('route', toByteString(route)), 'latin1')
    .digest()
    .subarray(0, UPSTREAM_AT - ROUTE_AT);
  return { id: derive('key id', 4).readUInt32BE(0), macKey: derive('mac', 32), tagKey, routeTag };
}

function upstreamTag(key: SealingKey, route: string, id: string): Buffer {
  const named = framedKey('upstream', toByteString(route), toByteString(id));
  return createHmac('sha256', key.tagKey)
    .update(named, 'latin1')
    .digest()
    .subarray(0, ISSUED_AT - UPSTREAM_AT);
}
