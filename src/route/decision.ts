/** How a request ended up where it did. The same word in the access log, `x-affinity` and `explain`. */
export type Outcome = 'bound' | 'keyed' | 'balanced' | 'borrowed' | 'rehomed' | 'rejected';

/** Why something that was found was not followed. */
export type Why = 'unreadable' | 'expired' | 'gone' | 'down' | 'draining' | 'out';

/**
 * How a try failed. `unreachable`: no connection could be made, so nobody is there. `broken`: it answered the
 * connection and then failed this request; one such failure never moves a binding, health decides that.
 */
export type Failure = 'unreachable' | 'broken';
