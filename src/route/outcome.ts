/** How a request ended up where it did. The same word in the access log, `x-affinity` and `explain`. */
export const OUTCOMES = ['bound', 'keyed', 'balanced', 'moved', 'borrowed', 'rehomed', 'rejected'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * Why something that was found was not followed. `beside`: nothing was, and the request went where the first
 * one of its connection did.
 */
export const WHYS = ['unreadable', 'expired', 'gone', 'down', 'draining', 'out', 'beside'] as const;
export type Why = (typeof WHYS)[number];

/**
 * How a try failed. `unreachable`: no connection could be made, so nobody is there. `broken`: it answered the
 * connection and then failed this request; one such failure never moves a binding, health decides that.
 */
export type Failure = 'unreachable' | 'broken';
