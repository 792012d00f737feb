import { HEARSAY_FIELDS } from '../hearsay.js';
import type { Report } from '../report.js';

/** What upstreams are told of the client, and whom to believe. */
export function forwardedLines(trustedProxies: readonly string[], isTls: boolean, report: Report): string[] {
  const scheme = isTls ? 'https' : 'http';
  if (trustedProxies.length === 0) {
    return [
      '# What a client says of its own origin is replaced: nobody in front is trusted.',
      ...hearsayLines(''),
      'http-request set-header X-Request-Id %[uuid()]',
      'http-request set-header X-Forwarded-For %[src]',
      'http-request set-header X-Real-IP %[src]',
      `http-request set-header X-Forwarded-Proto ${scheme}`,
      'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    ];
  }
  report.say(
    'trustedProxies',
    'look through one proxy there: of several in a row, HAProxy takes the address that the last one names.',
  );
  return [
    '# A trusted proxy is believed; what anybody else says of the client is replaced.',
    `acl sr_trusted src ${trustedProxies.join(' ')}`,
    ...hearsayLines(' unless sr_trusted'),
    'http-request set-var(txn.sr_client) src',
    'http-request set-var(txn.sr_client) req.hdr_ip(x-forwarded-for,-1) if sr_trusted { req.hdr(x-forwarded-for) -m found }',
    'http-request set-var(txn.sr_for) req.fhdr(x-forwarded-for) if sr_trusted',
    'http-request set-header X-Forwarded-For %[src]',
    'http-request set-header X-Forwarded-For "%[var(txn.sr_for)], %[src]" if { var(txn.sr_for) -m len gt 0 }',
    'http-request set-header X-Real-IP %[var(txn.sr_client)]',
    `http-request set-header X-Forwarded-Proto ${scheme} unless sr_trusted { req.hdr(x-forwarded-proto) -m found }`,
    'http-request set-header X-Forwarded-Host %[req.hdr(host)] unless sr_trusted { req.hdr(x-forwarded-host) -m found }',
    '# From here on src is the client, also for balance source.',
    'http-request set-src var(txn.sr_client)',
  ];
}

function hearsayLines(condition: string): string[] {
  return HEARSAY_FIELDS.map((name) => `http-request del-header ${name}${condition}`);
}
