// The two axes of a server's state, and the numbers that stand for them on the scoreboard.
// What the operator wants (admin) and what the checks see (health) are never one value.

export type Mode = 'http' | 'tcp'

/** The operator's wish; in maint not even health checks are sent. */
export const adminStates = ['ready', 'drain', 'maint'] as const
export type AdminState = (typeof adminStates)[number]

/** What the checks see. `checking`: not probed yet, used only when nothing better is left. */
export const healthStates = ['checking', 'up', 'down'] as const
export type HealthState = (typeof healthStates)[number]

/** Scoreboard encoding: the index in the lists above. */
export const ADMIN_READY = 0
export const ADMIN_DRAIN = 1
export const ADMIN_MAINT = 2
export const HEALTH_CHECKING = 0
export const HEALTH_UP = 1
export const HEALTH_DOWN = 2

/** The circuit breaker of a backend: balance/breaker.ts has the transitions. */
export const breakerStates = ['closed', 'open', 'half-open'] as const
export type BreakerState = (typeof breakerStates)[number]

/** Scoreboard encoding, as above. */
export const BREAKER_CLOSED = 0
export const BREAKER_OPEN = 1
export const BREAKER_HALF_OPEN = 2
