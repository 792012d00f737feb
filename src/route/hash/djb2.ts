/** Bernstein's djb2 of a byte string, the variant that adds, as a signed number (HAProxy, src/hash.c). */
export function djb2(bytes: string): number {
  let hash = 5381;
  for (let at = 0; at < bytes.length; at++) hash = (Math.imul(hash, 33) + bytes.charCodeAt(at)) | 0;
  return hash;
}
