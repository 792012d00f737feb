/**
 * Does an `Authorization` or `WWW-Authenticate` field name a scheme that logs the connection in? Of several
 * challenges, one is enough.
 */
export function logsConnectionIn(value: string): boolean {
  return CONNECTION_LOGIN.test(value);
}

const CONNECTION_LOGIN = /(?:^|[,\s])(?:ntlm|negotiate)(?![^\s,;])/i;
