/**
 * HAProxy's wt6 of a byte string, as a signed number (src/hash.c). Its rotations go by what it has read so
 * far.
 */
export function wt6(bytes: string): number {
  let h0 = 0xa53c965a | 0;
  let h1 = 0x5ca6953a | 0;
  let step0 = 6;
  let step1 = 18;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes.charCodeAt(at);
    h0 = ~(h0 ^ byte);
    h1 = ~(h1 + byte);
    const turned = (h1 << step0) | (h1 >>> (32 - step0));
    h1 = (h0 << step1) | (h0 >>> (32 - step1));
    h0 = turned;
    const steps = ((h0 >>> 16) ^ h1) & 0xffff;
    step0 = steps & 31;
    step1 = steps >>> 11;
  }
  return h0 ^ h1;
}
