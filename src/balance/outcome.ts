// How an attempt on a server ended, as the balancing core sees it.

/** How an attempt on a server ended: answered, failed at once (5xx, reset, refused), or given up after waiting. */
export type Outcome = 0 | 1 | 2
export const OUTCOME_OK = 0
export const OUTCOME_FAILED = 1
export const OUTCOME_TIMEOUT = 2
