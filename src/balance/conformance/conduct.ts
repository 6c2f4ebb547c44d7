// Checks of what a balancer does besides answering: does it roll other dice than those it is handed, does it live through
// the wrap of the clock, does it leave alone what is not its own?
import type { Pool } from '../types.ts'
import { fail, pass, percent, type Subject, type Verdict } from './check.ts'
import { keyOf, serversOf, Stage } from './stage.ts'

const PICKS = 2000

export function seeded(subject: Subject): Verdict {
  const [one, other] = [picksOf(subject), picksOf(subject)]
  const at = one.findIndex((slot, i) => slot !== other[i])
  if (at < 0) return pass(`${PICKS} picks twice over, with the same dice and load: the same`)
  return fail(`with the same dice, load and time, pick ${at + 1} was another: no Math.random, no clock, nothing global`)
}

function picksOf({ algorithm, seed }: Subject): number[] {
  const stage = new Stage(algorithm, serversOf(3, 1, 0, 9, 2), seed)
  return Array.from({ length: PICKS }, (_, i) => {
    stage.wait(1000)
    const slot = stage.begin(keyOf(i))
    if (i > 20) stage.endOne()
    return slot
  })
}

/** `now` wraps from 2^31 - 1 to -2^31, and two threads' readings of it may differ by a little. */
export function time({ algorithm, seed }: Subject): Verdict {
  const stage = new Stage(algorithm, serversOf(1, 1, 1), seed)
  stage.now = 2 ** 31 - PICKS * 800
  const slots = [...stage.pool.slot]
  const [before, after] = [slots.map(() => 0), slots.map(() => 0)]
  for (let i = 0; i < 3 * PICKS; i++) {
    stage.wait(i % 10 === 9 ? -500 : 1000)
    const at = slots.indexOf(stage.begin(keyOf(i)))
    ;(stage.now >= 0 ? before : after)[at]!++
    if (i > 20) stage.endOne()
  }
  const [then, later] = [before, after].map((counts) => counts.map((count) => count / counts.reduce((a, b) => a + b)))
  const told = `three equal servers got ${inWords(then!)} before "now" wrapped and ${inWords(later!)} after`
  return later!.some((share, i) => share < then![i]! / 2)
    ? fail(`${told}: a difference of times is (a - b) | 0`)
    : pass(told)
}

const inWords = (shares: readonly number[]): string => shares.map((share) => percent(share)).join(', ')

export function writes({ algorithm, seed }: Subject): Verdict {
  const stage = new Stage(algorithm, serversOf(1, 2, 5), seed)
  for (let i = 0; i < 40; i++) stage.begin(keyOf(i))
  const before = copyOf(stage)
  for (let i = 0; i < PICKS; i++) stage.pick(keyOf(i), i % 3 === 0 ? stage.pool.slot[0] : -1)
  const after = copyOf(stage)
  const changed = Object.keys(before).filter((name) => before[name]!.some((value, i) => value !== after[name]![i]))
  if (changed.length === 0) return pass('pick leaves the columns of the board and the pool as they are')
  return fail(`pick changed ${changed.join(', ')}: the board counts for every algorithm, and the pool is shared`)
}

type Copies = Record<string, readonly number[]>

/** All of the board but the cursor of the backend, which is there to be advanced, and all of the pool. */
function copyOf({ columns, pool }: Stage): Copies {
  const copies: Copies = {}
  for (const [name, column] of Object.entries(columns.server)) copies[`server.${name}`] = [...(column as Int32Array)]
  for (const [name, column] of Object.entries(columns.backend)) {
    if (name !== 'cursor') copies[`backend.${name}`] = [...(column as Int32Array)]
  }
  for (const name of ['slot', 'weight', 'inverse', 'cut', 'coarse', 'alias'] as const satisfies (keyof Pool)[])
    copies[`pool.${name}`] = [...pool[name]]
  return copies
}
