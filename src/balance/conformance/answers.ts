// Checks of single answers: is what pick returns a server that may be picked?
import { createDice } from '../dice.ts'
import { without } from '../pool.ts'
import type { Algorithm } from '../types.ts'
import { fail, pass, type Subject, type Verdict } from './check.ts'
import { keyOf, serversOf, Stage, type StageServer } from './stage.ts'

/** Servers that are all there but cannot be used: down, drained, of weight 0. */
const unusable: readonly StageServer[] = [
  { name: 'alpha', weight: 1, health: 2 },
  { name: 'bravo', weight: 1, admin: 1 },
  { name: 'charlie', weight: 0 },
]

export function empty({ algorithm, seed }: Subject): Verdict {
  for (const servers of [[], unusable]) {
    const stage = new Stage(algorithm, servers, seed)
    for (const avoid of [-1, stage.slot('alpha')]) {
      const slot = stage.pick(1, avoid)
      if (slot !== -1) return fail(`from a pool without servers it picked ${slot} instead of -1`)
    }
  }
  return pass('-1 when no server is usable')
}

export function single({ algorithm, seed }: Subject): Verdict {
  const stage = new Stage(algorithm, serversOf(0, 7, 0), seed)
  const only = stage.pool.slot[0]!
  for (const avoid of [-1, only]) {
    for (let i = 0; i < 100; i++) {
      const slot = stage.pick(keyOf(i), avoid)
      if (slot === only) continue
      const asked = avoid === only ? ', when asked to avoid it' : ''
      return fail(`it picked ${slot} from a pool of the one slot ${only}${asked}`)
    }
  }
  return pass('a lone server is picked, even the one to avoid')
}

const WORLDS = 100

/** Pools at random, each picked from 50 times under a load at random. */
export function members({ algorithm, seed }: Subject): Verdict {
  let picks = 0
  for (let world = 0; world < WORLDS; world++) {
    const { stage, servers } = randomWorld(algorithm, seed * WORLDS + world)
    if (stage.pool.n === 0) continue
    for (let i = 0; i < 50; i++, picks++) {
      const slot = stage.pick(keyOf(i))
      if (!stage.pool.slot.includes(slot)) return fail(wrongSlot(slot, stage, servers))
    }
  }
  return pass(`${picks} picks from random pools, all of usable servers`)
}

export function avoided({ algorithm, seed }: Subject): Verdict {
  let picks = 0
  for (let world = 0; world < WORLDS; world++) {
    const { stage } = randomWorld(algorithm, seed * WORLDS + world)
    const { n, slot } = stage.pool
    if (n < 2) continue
    for (let i = 0; i < 50; i++, picks++) {
      const avoid = slot[i % n]!
      if (stage.pick(keyOf(i), avoid) === avoid)
        return fail(`it picked slot ${avoid}, which a retry wanted to avoid, out of ${n} servers`)
    }
  }
  return pass(`${picks} picks that were to avoid a server did`)
}

/** A request that began before an update still picks from the pool of then; so does one that has tried some servers. */
export function pools({ algorithm, seed }: Subject): Verdict {
  const stage = new Stage(algorithm, serversOf(1, 2, 3, 4), seed)
  const before = stage.pool
  stage.show([...serversOf(1, 2).map((server) => ({ ...server, name: `${server.name}-new` })), ...serversOf(5)])
  const rest = without(before, [before.slot[1]!, before.slot[3]!])
  for (const [pool, which] of [
    [before, 'of before the last update'],
    [rest, 'that is left for a retry'],
  ] as const) {
    for (let i = 0; i < 500; i++) {
      const slot = stage.balancer.pick(pool, keyOf(i), 0, -1)
      if (pool.slot.includes(slot)) continue
      return fail(`handed the pool ${which}, it picked ${slot}, which is not in it: pick from the pool handed in`)
    }
  }
  return pass('the pool handed in is the one picked from, whichever was updated last')
}

function randomWorld(algorithm: Algorithm, seed: number): { stage: Stage; servers: StageServer[] } {
  const dice = createDice(seed)
  const one = <T>(...values: T[]): T => values[dice.below(values.length)]!
  const servers = serversOf(...Array.from({ length: 1 + dice.below(12) }, () => one(0, 1, 1, 2, 5, 100, 65535))).map(
    (server) => ({ ...server, tier: one(0, 0, 1), admin: one(0, 0, 0, 1, 2), health: one(0, 1, 1, 1, 2) }),
  )
  const stage = new Stage(algorithm, servers, seed)
  for (const slot of stage.pool.slot) stage.columns.server.inflight[slot] = dice.below(8)
  return { stage, servers }
}

function wrongSlot(slot: unknown, stage: Stage, servers: readonly StageServer[]): string {
  const { n } = stage.pool
  if (typeof slot !== 'number' || !Number.isInteger(slot)) return `it picked ${String(slot)}, which is no integer`
  if (slot === -1) return `it picked no server (-1), while ${n} ${n === 1 ? 'is' : 'are'} usable`
  const server = servers.find(({ name }) => stage.slot(name) === slot)
  if (server) return `it picked the slot of ${server.name}, which is not usable: only those in pool.slot are`
  return slot >= 0 && slot < n
    ? `it picked ${slot}, which is an index into the pool: return pool.slot[${slot}]`
    : `it picked ${slot}, which is no slot of the pool`
}
