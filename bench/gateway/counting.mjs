// What counting costs a request, by itself: the CPU time of a call, without the proxy around it.
import { systemClock } from '../../dist/base/clock.js';
import { Tallies } from '../../dist/control/metrics/tallies.js';

const UPSTREAMS = 30;
const CALLS = 2_000_000;

/** Requests as a gateway sees them end: bound users at 30 upstreams, most answers within milliseconds. */
function requests(tallies, user) {
  const upstreams = Array.from({ length: UPSTREAMS }, (_, at) => tallies.upstream('pool', `api-${at}`));
  return Array.from({ length: 4096 }, (_, at) => ({
    decision: { outcome: at % 2 === 0 ? 'bound' : 'keyed', why: undefined, ...user(at) },
    tally: upstreams[at % UPSTREAMS],
    status: 200,
    tries: 1,
    isUpgraded: false,
    requestBytes: 0,
    answeredBytes: 812,
    startedAt: 1000.5,
    triedAt: 1000.5,
    answeredAt: 1001 + (at % 9) * 0.7,
    endedAt: 1001.2 + (at % 9) * 0.7,
  }));
}

/** The least of several rounds: the others had company. */
function nanoseconds(user) {
  const tallies = new Tallies(systemClock, () => ({ routes: [], pools: new Map() }));
  const route = tallies.route('route', 'pool', [], () => '');
  const ended = requests(tallies, user);
  const rounds = Array.from({ length: 8 }, () => {
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS; at++) route.finished(ended[at & 4095]);
    const { user: micros, system } = process.cpuUsage(before);
    return ((micros + system) * 1000) / CALLS;
  });
  tallies.stop();
  return Math.min(...rounds);
}

/** Nanoseconds a request, by how its user is known. */
export function countingCosts() {
  return {
    'no user': nanoseconds(() => ({})),
    'sealed cookie': nanoseconds((at) => ({ identity: Math.imul(at + 1, 0x9e3779b1) })),
    'key of 8 characters': nanoseconds((at) => ({ user: `user${String(1000 + at)}` })),
    'key of 36 characters': nanoseconds((at) => ({
      user: `2b1f0c9e-6d1a-4c1e-9a53-${String(100_000_000_000 + at)}`,
    })),
  };
}
