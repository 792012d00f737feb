/** What an error's code may look like. It stands in logs as it is. */
const CODE = /^[A-Z][A-Z0-9_]{1,63}$/;

/**
 * The code of an error, which tells an operator why an upstream could not be reached: `ECONNREFUSED`,
 * `ENOTFOUND`, `CERT_HAS_EXPIRED`. `undefined` when there is no error, or it has no code.
 */
export function causeOf(error: unknown): string | undefined {
  for (let depth = 0, at = error; depth < 4 && at instanceof Error; depth++, at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string' && CODE.test(code)) return code;
  }
  return undefined;
}
