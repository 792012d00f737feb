/** The table for the polynomial of Ethernet and zip, bits reversed: 0xedb88320. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ ((rest & 1) === 0 ? 0 : 0xedb88320);
  return rest;
});

/** CRC-32 of a byte string (that of zip, nginx and HAProxy), as a signed number. */
export function crc32(bytes: string): number {
  return ~crc32More(bytes, -1);
}

/** A CRC-32 under way: bytes added to a state, which is -1 at first. `~` of the state is the sum. */
export function crc32More(bytes: string, from: number): number {
  let state = from;
  for (let at = 0; at < bytes.length; at++)
    state = (state >>> 8) ^ TABLE[(state ^ bytes.charCodeAt(at)) & 255]!;
  return state;
}

/** The same for the four bytes of a number, the lowest first. */
export function crc32MoreWord(word: number, from: number): number {
  let state = from ^ word;
  for (let byte = 0; byte < 4; byte++) state = (state >>> 8) ^ TABLE[state & 255]!;
  return state;
}
