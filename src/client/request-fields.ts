import { invalidCall } from './invalid-call.js';

/**
 * Fields that belong to one connection or to the framing (RFC 9110 §7.6.1, RFC 9112 §6), and what `fetch`
 * refuses of them. Refused here, by name, before anybody is asked: later it would look like a failure of
 * every upstream.
 */
const REFUSED: Readonly<Record<string, string>> = {
  'keep-alive': 'It belongs to one connection.',
  upgrade: 'A call asks for no other protocol.',
  expect: 'fetch waits for no 100 (Continue).',
  'transfer-encoding': 'fetch writes the framing itself.',
};
const WHOLE = /^\d{1,15}$/;

/** Throws STICKY_CLIENT_INVALID for a field that can't be sent, with its name. */
export function checkFields(headers: Headers, bodyBytes: number | undefined): void {
  for (const name of Object.keys(REFUSED))
    if (headers.has(name)) throw refused(name, `${REFUSED[name]!} Leave it out.`);
  const connection = headers.get('connection')?.trim().toLowerCase();
  if (connection !== undefined && connection !== 'close' && connection !== 'keep-alive')
    throw refused('connection', 'It may be close or keep-alive. Leave it out, and the fields that it names.');
  const length = headers.get('content-length');
  if (length === null) return;
  if (!WHOLE.test(length))
    throw refused('content-length', 'It is no whole number. Leave it out: fetch writes it.');
  if (bodyBytes !== undefined && Number(length) !== bodyBytes)
    throw refused(
      'content-length',
      `It says ${length} and the body has ${bodyBytes} bytes. Leave it out: fetch writes it.`,
    );
}

/** Headers passed on as they came are where these fields come from. */
function refused(name: string, why: string): Error {
  return invalidCall(
    `The field "${name}" can't be sent. ${why} If you pass on the fields of a request, pass on those that the app needs.`,
  );
}
