/** What a front door may do and this one does not, and who does it: said where somebody writes its key. */
const ELSEWHERE: readonly { readonly keys: readonly string[]; readonly instead: string }[] = [
  {
    keys: ['cors', 'accesscontrol'],
    instead:
      'The app answers CORS requests: express has the package cors, Fastify @fastify/cors, Hono its cors middleware.',
  },
  {
    keys: ['compression', 'compress', 'gzip', 'brotli', 'zstd', 'encode'],
    instead: 'Compress in the app, or in nginx or a CDN in front of the gateway.',
  },
  {
    keys: ['ratelimit', 'ratelimits', 'throttle', 'limitreq', 'limitconn'],
    instead:
      'Limit rates in the app, or in nginx (limit_req) or a CDN in front. Bounds on connections and sizes stand in limits.',
  },
  {
    keys: ['cache', 'caching', 'proxycache'],
    instead:
      'Cache answers in a CDN, or in nginx or Varnish in front. The app can cache what it computes with stickyroute/cache.',
  },
  {
    keys: ['static', 'files', 'fileserver', 'root', 'tryfiles', 'index'],
    instead: 'Serve files from the app, from nginx in front, or from a CDN.',
  },
  {
    keys: ['acme', 'letsencrypt', 'autocert', 'certresolver', 'certmanager', 'autossl'],
    instead:
      'Let certbot, acme.sh or cert-manager write the certificate files; name them in tls: { cert, key }. SIGHUP reads them again.',
  },
  {
    keys: ['ocsp', 'stapling', 'sslstapling'],
    instead: 'OCSP is not stapled here. Put nginx or a CDN in front.',
  },
  {
    keys: ['waf', 'modsecurity', 'firewall', 'coraza', 'bot', 'bots'],
    instead: 'Put a web application firewall in front, such as ModSecurity or a CDN with one.',
  },
  {
    keys: ['http3', 'quic', 'h3'],
    instead: 'HTTP/3 is not spoken here. A CDN in front speaks it to browsers.',
  },
  {
    keys: ['tcp', 'udp', 'stream', 'streams', 'layer4', 'l4'],
    instead: 'Only HTTP is routed here. Balance TCP and UDP with HAProxy or with stream of nginx.',
  },
  {
    keys: ['auth', 'basicauth', 'forwardauth', 'authrequest', 'oauth', 'oauth2', 'oidc', 'users'],
    instead:
      'Routes are no access control. Check users in the app, or in a proxy in front (nginx auth_request, oauth2-proxy).',
  },
  {
    keys: ['allow', 'deny', 'ipallowlist', 'ipwhitelist', 'whitelist', 'denylist', 'geoip', 'geo'],
    instead: 'Let a firewall, a network policy or a proxy in front choose who may connect.',
  },
  {
    keys: [
      'timeout',
      'timeouts',
      'proxytimeout',
      'readtimeout',
      'connecttimeout',
      'requesttimeout',
      'keepalive',
    ],
    instead:
      'Each time has a name of its own in limits: connectTime, headTime, answerTime, bodyIdleTime, tunnelIdleTime, idleTime.',
  },
  {
    keys: ['retry', 'retries', 'tries', 'nextupstream', 'redispatch'],
    instead: 'How many upstreams a request is tried on is limits: { tries: 3 }.',
  },
  {
    keys: ['circuitbreaker', 'outlierdetection', 'maxfails', 'failtimeout'],
    instead: 'An upstream that fails is taken away by passive: { maxFails, failTimeout, maxEjected }.',
  },
  {
    keys: ['mirror', 'mirroring', 'shadow', 'trafficsplit', 'canary'],
    instead: 'Requests are not copied here. Envoy, nginx (mirror) and HAProxy (SPOE) do that.',
  },
  {
    keys: ['loglevel', 'log', 'logs', 'logging', 'errorlog', 'logformat'],
    instead: 'The log is JSON lines on standard output; accessLog turns its line a request on or off.',
  },
  {
    keys: ['ssl', 'https', 'certificates', 'certificate', 'sslcertificate'],
    instead: 'Write tls: { cert: cert.pem, key: key.pem }.',
  },
  {
    keys: ['plugins', 'plugin', 'lua', 'script', 'middlewares', 'middleware', 'wasm', 'filters'],
    instead:
      'Nothing of a file is run here. From code, standardKinds.with({ rules }) adds rules of your own (docs/configuration.md).',
  },
  {
    keys: ['workerprocesses', 'workerconnections', 'threads', 'nbproc', 'nbthread', 'instances', 'cluster'],
    instead: 'Processes are workers: 4 or workers: auto; connections are limits: { connections: 10000 }.',
  },
  {
    keys: ['user', 'group', 'daemon', 'pid', 'pidfile', 'chroot'],
    instead: 'The service manager decides that: User= of systemd, securityContext of Kubernetes.',
  },
  {
    keys: ['include', 'includes', 'import', 'imports'],
    instead: 'Only a main file includes a folder, at its top: include: conf.d.',
  },
  {
    keys: ['redis', 'store', 'stores', 'sessions', 'sessionstore', 'database'],
    instead:
      'The gateway keeps nothing: its cookie says where a user belongs. Apps keep sessions with stickyroute/session.',
  },
];

const BY_KEY: ReadonlyMap<string, string> = new Map(
  ELSEWHERE.flatMap(({ keys, instead }) => keys.map((key): [string, string] => [key, instead])),
);

/** What to do instead of writing this key; undefined when nothing is known of it. `bare`: in lower case. */
export function elsewhere(bare: string): string | undefined {
  return BY_KEY.get(bare);
}
