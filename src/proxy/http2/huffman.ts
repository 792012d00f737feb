/**
 * The Huffman code of HPACK (RFC 7541 Appendix B). It is canonical: codes count up in order of their length,
 * then of their symbol, so the lengths say all of it. One for each byte, the last for EOS.
 */
const LENGTHS = Uint8Array.of(
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28],
  ...[28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6],
  ...[6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5],
  ...[5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24],
  ...[23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21],
  ...[23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26],
  ...[26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21],
  ...[26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26],
  ...[26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30],
);
const EOS = 256;

/** A step of the decoder takes four bits: no code is shorter than five, so a step ends one symbol at most. */
const NIBBLES = 16;
const EMITS = 0x100;
const FAILS = 0x200;
/**
 * Of each inner node of the code's tree, sixteen steps: symbol, `EMITS`, `FAILS`, and the next node above.
 */
const steps = new Uint32Array(256 * NIBBLES);
/** Nodes in which a text may end: up to seven bits of padding, all of them 1 (§5.2). */
const mayEnd = new Uint8Array(256);

buildTables();

/** Bytes to hold the text of this many Huffman-coded bytes: no code is shorter than five bits. */
export function decodedBytesMax(codedBytes: number): number {
  return Math.ceil((codedBytes * 8) / 5);
}

/** Decodes into `out` from its start; answers how many bytes, or -1 when the coding is broken. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    let step = steps[node * NIBBLES + (byte >> 4)]!;
    if ((step & EMITS) !== 0) out[length++] = step & 0xff;
    else if ((step & FAILS) !== 0) return -1;
    step = steps[(step >>> 16) * NIBBLES + (byte & 15)]!;
    if ((step & EMITS) !== 0) out[length++] = step & 0xff;
    else if ((step & FAILS) !== 0) return -1;
    node = step >>> 16;
  }
  return mayEnd[node] === 1 ? length : -1;
}

function buildTables(): void {
  // The tree: of each inner node its two children, an inner node's number or a leaf as ~symbol.
  const children: [number, number][] = [[0, 0]];
  const symbols = Array.from(LENGTHS.keys()).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  let code = 0;
  let length = LENGTHS[symbols[0]!]!;
  for (const symbol of symbols) {
    code *= 2 ** (LENGTHS[symbol]! - length);
    length = LENGTHS[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2;
      const child = children[node]![side]!;
      if (child !== 0) node = child;
      else {
        children[node]![side] = children.length;
        node = children.push([0, 0]) - 1;
      }
    }
    children[node]![code % 2] = ~symbol;
    code++;
  }
  children.forEach((_, from) => {
    for (let nibble = 0; nibble < NIBBLES; nibble++) {
      let node = from;
      let step = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const child = children[node]![(nibble >> bit) & 1]!;
        node = Math.max(child, 0);
        if (child < 0) step |= ~child === EOS ? FAILS : EMITS | ~child;
      }
      steps[from * NIBBLES + nibble] = step | (node << 16);
    }
  });
  for (let node = 0, depth = 0; depth <= 7; depth++, node = children[node]![1]) mayEnd[node] = 1;
}
