import { parseRequestHead, type RequestError, type RequestHead } from '../http1/request-head.js';
import { passedTrailers } from '../http1/trailers.js';
import type { Random } from '../../base/random.js';
import { BlockReader } from './block-reader.js';
import { isGrpc } from '../grpc.js';
import { faultOfField } from './field-rules.js';
import type { HpackSink } from './hpack-decoder.js';

/** What may stand in a start line at all; what exactly, the parser of heads says. */
const NO_BLANK = /^[!-~]+$/;

/**
 * The fields of one header block. As a request it becomes the text of an HTTP/1.1 head, which the one parser
 * of heads then checks: what is refused stands in one place. Only what HTTP/2 has of its own is looked at
 * here (RFC 9113 §8.2, §8.3).
 */
export class RequestBlock implements HpackSink {
  #method = '';
  #scheme = '';
  #path = '';
  #authority = '';
  #protocol = '';
  #host: string | undefined;
  #cookie: string | undefined;
  #lines = '';
  #pseudoFields = 0;
  #isMalformed = false;
  #hasRegular = false;
  #hasLength = false;
  #isGrpc = false;
  /** As RFC 9113 §6.5.2 counts: names, values and 32 bytes for each field. */
  #bytes = 0;
  readonly #bytesMax: number;

  constructor(headBytesMax: number) {
    this.#bytesMax = headBytesMax;
  }

  hpackField(name: string, value: string): void {
    this.#bytes += name.length + value.length + 32;
    // The decoder goes on for the sake of its table; nothing more is stored.
    if (this.#isMalformed || this.#bytes > this.#bytesMax * 2) return;
    if (name.charCodeAt(0) === 0x3a) this.#pseudo(name, value);
    else this.#regular(name, value);
  }

  #pseudo(name: string, value: string): void {
    if (this.#hasRegular || !NO_BLANK.test(value)) this.#isMalformed = true;
    switch (name) {
      case ':method':
        this.#once(1);
        this.#method = value;
        break;
      case ':scheme':
        this.#once(2);
        this.#scheme = value;
        break;
      case ':path':
        this.#once(4);
        this.#path = value;
        break;
      case ':authority':
        this.#once(8);
        this.#authority = value;
        break;
      case ':protocol':
        this.#once(16);
        this.#protocol = value;
        break;
      default:
        this.#isMalformed = true;
    }
  }

  #once(bit: number): void {
    if ((this.#pseudoFields & bit) !== 0) this.#isMalformed = true;
    this.#pseudoFields |= bit;
  }

  #regular(name: string, value: string): void {
    this.#hasRegular = true;
    if (faultOfField(name, value) !== undefined) {
      this.#isMalformed = true;
      return;
    }
    switch (name) {
      case 'host':
        if (this.#host !== undefined) this.#isMalformed = true;
        this.#host = value;
        return;
      case 'cookie':
        // Browsers send it in crumbs (RFC 9113 §8.2.3); upstreams and rules know one field.
        this.#cookie = this.#cookie === undefined ? value : `${this.#cookie}; ${value}`;
        return;
      case 'te':
        // Whether it goes on is for the upstream's side to say.
        if (value !== 'trailers') this.#isMalformed = true;
        break;
      case 'content-type':
        this.#isGrpc = isGrpc(value);
        break;
      case 'sec-websocket-key':
        // HTTP/2 has none (RFC 8441 §5); the upstream gets one of the gateway's own.
        if (this.#protocol !== '') return;
        break;
      case 'content-length':
        this.#hasLength = true;
    }
    this.#lines += `${name}: ${value}\r\n`;
  }

  /**
   * `undefined` when the request is malformed; an error when its head is one that we refuse with a status.
   */
  request(
    hasEnded: boolean,
    fieldsMax: number,
    isTrusted: boolean,
    random: Random,
  ): RequestHead | RequestError | 'head-too-large' | undefined {
    if (this.#isMalformed) return undefined;
    if (this.#bytes > this.#bytesMax) return 'head-too-large';
    if (this.#protocol !== '') return this.#tunnel(hasEnded, fieldsMax, isTrusted, random);
    const isConnect = this.#method === 'CONNECT';
    // CONNECT has neither (§8.5); every other request has all three, and http or https for a scheme.
    if (this.#pseudoFields % 8 !== (isConnect ? 1 : 7)) return undefined;
    if (!isConnect && !/^https?$/i.test(this.#scheme)) return undefined;
    if (!isConnect && !this.#path.startsWith('/') && this.#path !== '*') return undefined;
    if (isConnect && this.#authority === '') return undefined;
    const framing = hasEnded || this.#hasLength || isConnect ? '' : 'Transfer-Encoding: chunked\r\n';
    const target = isConnect ? this.#authority : this.#path;
    const head = this.#parse(`${this.#method} ${target}`, framing, fieldsMax, isTrusted);
    if (head === undefined || typeof head === 'string') return head;
    // A length that no data follows would leave the upstream waiting.
    if (hasEnded && head.bodyBytes > 0) return undefined;
    // Data comes in frames, not in chunks.
    head.inChunks = false;
    head.isGrpc = this.#isGrpc;
    return head;
  }

  /**
   * CONNECT with a protocol (RFC 8441 §4), as the upgrade of HTTP/1.1 that it stands for. It has a target as
   * any other request.
   */
  #tunnel(
    hasEnded: boolean,
    fieldsMax: number,
    isTrusted: boolean,
    random: Random,
  ): RequestHead | RequestError | undefined {
    const isWhole = this.#method === 'CONNECT' && this.#pseudoFields === 31;
    if (!isWhole || hasEnded || this.#hasLength) return undefined;
    if (!/^https?$/i.test(this.#scheme) || !this.#path.startsWith('/')) return undefined;
    if (this.#protocol.toLowerCase() !== 'websocket') return 'protocol';
    const key = Buffer.from(random.id(), 'hex').toString('base64');
    const upgrade = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${key}\r\n`;
    const head = this.#parse(`GET ${this.#path}`, upgrade, fieldsMax, isTrusted);
    if (head !== undefined && typeof head !== 'string') head.ownKey = key;
    return head;
  }

  #parse(
    line: string,
    more: string,
    fieldsMax: number,
    isTrusted: boolean,
  ): RequestHead | RequestError | undefined {
    const authority = this.#authority === '' ? (this.#host ?? '') : this.#authority;
    if (authority === '') return undefined;
    if (this.#host !== undefined && this.#host.toLowerCase() !== authority.toLowerCase()) return 'host';
    const cookie = this.#cookie === undefined ? '' : `cookie: ${this.#cookie}\r\n`;
    const text = `${line} HTTP/1.1\r\nhost: ${authority}\r\n${this.#lines}${cookie}${more}\r\n`;
    return parseRequestHead(Buffer.from(text, 'latin1'), 0, text.length, fieldsMax, isTrusted);
  }

  /** The field lines of a trailer section that may pass; `undefined` when it is malformed. */
  trailers(): string | undefined {
    if (this.#isMalformed || this.#pseudoFields !== 0 || this.#bytes > this.#bytesMax) return undefined;
    return passedTrailers(`${this.#lines}\r\n`);
  }

  get isHeadRequest(): boolean {
    return this.#method === 'HEAD';
  }
}

/** Reads the header blocks of a client's connection. */
export function requestBlocks(): BlockReader<RequestBlock> {
  return new BlockReader((headBytesMax) => new RequestBlock(headBytesMax));
}
