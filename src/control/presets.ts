/** A part of a configuration, as a file has it. */
export interface RoutingPart {
  readonly affinity: readonly unknown[];
  readonly placement?: string;
  readonly balance?: string;
  readonly workers?: 'auto';
}

/** What is recommended for a number of users: the gateway's part, and what the upstreams bring along. */
export interface Preset {
  readonly name: PresetName;
  /** The first number of users that is too many for it. */
  readonly usersBelow: number;
  readonly size: string;
  readonly scheme: string;
  readonly config: RoutingPart;
  readonly upstreams: string;
  readonly why: string;
}

export type PresetName = 'small' | 'medium' | 'large';

/** The network is what a provider gives to one customer; devices change the rest daily (RFC 8981). */
const BY_ADDRESS = { ip: { prefix6: 64 } };

/** Only chooses an upstream, which checks the token itself. */
const BY_TOKEN = { jwt: { claim: 'sub', trust: 'unverified' } };

const BY_COOKIE = { cookie: { name: 'sr', idle: '1h', absolute: '12h' } };

/** In order of size. `stickyroute up --preset` runs `config`, `stickyroute advise` explains all of it. */
export const PRESETS: readonly Preset[] = [
  {
    name: 'small',
    usersBelow: 10_000,
    size: 'fewer than 10 000 users',
    scheme: 'round robin + shared sessions',
    config: { affinity: [], balance: 'roundRobin' },
    upstreams: 'Sessions of 1 h in a store that all upstreams share (stickyroute/session).',
    why: 'One store carries this many sessions, and with nothing kept at an upstream any of them can serve anybody: nobody is moved when one fails.',
  },
  {
    name: 'medium',
    usersBelow: 1_000_001,
    size: '10 000 to 1 000 000 users',
    scheme: 'IP hash + JWT + local cache',
    config: { affinity: [BY_ADDRESS], placement: 'rendezvous', balance: 'leastRequests' },
    upstreams:
      'Users known by a signed token (JWT), so that there is no session to fetch; in each upstream a cache with a limit and lives of 5 min.',
    why: 'A look-up a request in one store is what hurts first. A token needs none, and a user who keeps coming to one upstream finds the cache there warm.',
  },
  {
    name: 'large',
    usersBelow: Infinity,
    size: 'more than 1 000 000 users',
    scheme: 'consistent hashing + JWT + two-level cache',
    config: {
      affinity: [BY_TOKEN, BY_ADDRESS],
      placement: 'rendezvous',
      balance: 'leastRequests',
      workers: 'auto',
    },
    upstreams:
      'Users known by a signed token (JWT); two cache levels, in the process and then in a shared store, both filled on the way back, lives of 5 min.',
    why: 'Addresses are shared too widely to spread this many users evenly, so the user id in the token places them. An upstream that comes or goes moves its own share and nobody else.',
  },
];

/** What the answers say about the service beside its size. */
export interface Situation {
  readonly title: string;
  readonly scheme: string;
  /** Takes the place of the same keys of the size's configuration. */
  readonly config: Pick<RoutingPart, 'affinity' | 'balance'>;
  readonly upstreams: string;
  readonly why: string;
}

/** Who calls the service. */
export const CLIENTS = ['internal', 'browsers', 'api', 'mixed'] as const;
export type Clients = (typeof CLIENTS)[number];

/**
 * What an upstream keeps of a user between two requests: nothing (or only in a store that all share), copies
 * that save work, data that is nowhere else.
 */
export const KEEPS = ['nothing', 'copies', 'data'] as const;
export type Keeps = (typeof KEEPS)[number];

const BY_CLIENTS: Readonly<Record<Clients, Situation>> = {
  internal: {
    title: 'internal network with fixed addresses',
    scheme: 'IP hash',
    config: { affinity: ['ip'] },
    upstreams: 'What is kept at an upstream is a copy, with a limit and a life of 5 min.',
    why: 'An address that stays is the simplest key: callers send nothing and keep nothing.',
  },
  browsers: {
    title: 'classic web app',
    scheme: 'cookie + shared sessions',
    config: { affinity: [BY_COOKIE] },
    upstreams:
      'Sessions of 1 h in a store that all upstreams share (stickyroute/session), so that whoever must move is still logged in.',
    why: 'Browsers keep a cookie and change their address: the sealed cookie holds each at one upstream, also when the pool grows.',
  },
  api: {
    title: 'REST API',
    scheme: 'JWT + local cache',
    config: { affinity: [BY_TOKEN, BY_ADDRESS] },
    upstreams:
      'Users known by a signed token (JWT); in each upstream a cache with a limit and lives of 5 min.',
    why: 'The token is there anyway and says who it is, whatever the address: the user finds a warm cache, and no cookie is needed.',
  },
  mixed: {
    title: 'browsers and API clients',
    scheme: 'cookie + consistent hashing',
    config: { affinity: [BY_COOKIE, BY_TOKEN, BY_ADDRESS] },
    upstreams:
      'Tokens (JWT) for API clients, sessions of 1 h in a shared store for browsers (stickyroute/session); caches with a limit and lives of 5 min.',
    why: 'The first key that is found places the user, and the cookie remembers it for those who keep cookies.',
  },
};

const BY_KEEPS: Readonly<Partial<Record<Keeps, Situation>>> = {
  nothing: {
    title: 'nothing kept at an upstream',
    scheme: 'round robin, no affinity',
    config: { affinity: [], balance: 'roundRobin' },
    upstreams:
      'Nothing to bring: keep it so. What must be remembered is in a token or in a store that all upstreams share.',
    why: 'Stateless first: affinity is a means. Where any upstream can serve anybody, balancing alone spreads best and loses nothing when one fails.',
  },
  data: {
    title: 'exact routing to the upstream that has the data',
    scheme: 'consistent hashing',
    config: { affinity: [{ header: 'x-user-id' }] },
    upstreams:
      'Whoever calls sends the id as the field x-user-id, or calls the owner itself with stickyroute/client: both reach the same upstream.',
    why: 'The same id reaches the same upstream from every gateway and from code; a dead one falls to its backups in a fixed order, and with none left the answer is 503.',
  },
};

/** What to know of a rule that is recommended. */
export const RULE_NOTES: Readonly<Record<string, string>> = {
  cookie:
    'cookie: sealed with a secret of yours. Make one: export STICKYROUTE_KEY="$(openssl rand -base64 32)"',
  jwt: 'jwt: as written here the token only chooses an upstream, which must check it. With secret or jwks only genuine ones count.',
  ip: 'ip: behind a proxy or balancer all clients have its address, unless trustedProxies names it.',
};

export function presetFor(users: number): Preset {
  return PRESETS.find(({ usersBelow }) => users < usersBelow)!;
}

/** Undefined: nothing was said that the size alone doesn't answer. */
export function situationFor(clients: Clients | undefined, keeps: Keeps | undefined): Situation | undefined {
  return (keeps && BY_KEEPS[keeps]) ?? (clients && BY_CLIENTS[clients]);
}
