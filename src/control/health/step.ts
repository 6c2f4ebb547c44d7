// The rise/fall rule of health checks as a pure step. No clock, socket or log: the scheduler feeds it results.
//
//   checking --first result--> up | down
//   up   --`fall` checks failed in a row--> down
//   down --`rise` checks passed in a row--> up
//   a contrary result starts the count again
//
// A server that nobody has probed yet is decided by its first result: waiting for `rise` passes would keep a fresh
// process from serving for seconds, and waiting for `fall` failures would send clients to a server that isn't there.

export type Health =
  | { readonly state: 'checking' }
  /** `fails`: checks failed in a row, less than `fall`. */
  | { readonly state: 'up'; readonly fails: number }
  /** `passes`: checks passed in a row, less than `rise`. */
  | { readonly state: 'down'; readonly passes: number }

export interface HealthRule {
  /** Checks passed in a row that bring a down server up; at least 1. */
  readonly rise: number
  /** Checks failed in a row that take an up server down; at least 1. */
  readonly fall: number
}

export const checking: Health = { state: 'checking' }
export const up = (fails: number): Health => ({ state: 'up', fails })
export const down = (passes: number): Health => ({ state: 'down', passes })

/** The state after one more result. */
export function step(health: Health, passed: boolean, { rise, fall }: HealthRule): Health {
  switch (health.state) {
    case 'checking':
      return passed ? up(0) : down(0)
    case 'up':
      if (passed) return up(0)
      return health.fails + 1 >= fall ? down(0) : up(health.fails + 1)
    case 'down':
      if (!passed) return down(0)
      return health.passes + 1 >= rise ? up(0) : down(health.passes + 1)
  }
}

/** Whether the next check should come after `fast_interval`: the server is down, or its last check disagreed with its state. */
export function wantsFastCheck(health: Health): boolean {
  return health.state !== 'up' || health.fails > 0
}
