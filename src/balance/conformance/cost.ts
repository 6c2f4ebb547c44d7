// Checks of what a pick costs. Times are told and hardly judged: a machine that is busy with something else must not fail
// a good balancer. Memory is judged, since a byte per pick is garbage that every request pays for.
import { fail, pass, skip, warn, type Instruments, type Subject, type Verdict } from './check.ts'
import { serversOf, Stage } from './stage.ts'

const PICKS = 200_000
const BATCH = 10_000
const SIZES = [8, 64] as const

/** Bytes per pick. Less than the smallest object; measuring itself and the compiler leave a part of a byte. */
const HEAP_LIMIT = 2
/** Nanoseconds per pick: what is unusual, and what no pool of this size needs. */
const SLOW = 1000
const TOO_SLOW = 5000

const noInstruments = 'not measured here'

export function heap({ algorithm, seed, instruments }: Subject): Verdict {
  if (instruments === null) return skip(noInstruments)
  const stage = loaded(new Stage(algorithm, serversOf(1, 2, 3, 1, 2, 3, 1, 2), seed))
  pickMany(stage, PICKS) // until it is compiled
  instruments.collectGarbage()
  // The median of many small batches: a collection in the middle of one spoils that one alone.
  const growth = Array.from({ length: PICKS / BATCH }, () => {
    const before = instruments.heap()
    pickMany(stage, BATCH)
    return (instruments.heap() - before) / BATCH
  }).toSorted((a, b) => a - b)
  const bytes = Math.max(0, growth[growth.length >> 1]!)
  const told = `${bytes.toFixed(1)} bytes of heap per pick over ${PICKS} picks`
  return bytes > HEAP_LIMIT ? fail(`${told}; at most ${HEAP_LIMIT}: no object, array or closure in pick`) : pass(told)
}

export function cost({ algorithm, seed, instruments }: Subject): Verdict {
  if (instruments === null) return skip(noInstruments)
  const times = SIZES.map((n) => {
    const weights = Array.from({ length: n }, (_, i) => 1 + (i % 3))
    return nanoseconds(loaded(new Stage(algorithm, serversOf(...weights), seed)), instruments)
  })
  const told = SIZES.map((n, i) => `${Math.round(times[i]!)} ns with ${n} servers`).join(', ')
  const worst = Math.max(...times)
  if (worst > TOO_SLOW) return fail(`a pick takes ${told}; at most ${TOO_SLOW} ns`)
  return worst > SLOW ? warn(`a pick takes ${told}; the built-in ones take 10 to 400`) : pass(`a pick takes ${told}`)
}

/** The best of several rounds: whatever else the machine does only ever adds. Slow ones are not tried for long. */
function nanoseconds(stage: Stage, instruments: Instruments): number {
  let best = Infinity
  for (let round = 0; round < 7; round++) {
    const start = instruments.cpu()
    pickMany(stage, BATCH)
    best = Math.min(best, (instruments.cpu() - start) / BATCH)
    if (best > TOO_SLOW) break
  }
  return best
}

function loaded(stage: Stage): Stage {
  stage.pool.slot.forEach((slot, i) => (stage.columns.server.inflight[slot] = i % 7))
  return stage
}

/** @returns something that depends on every pick, so that none of them can be left out */
function pickMany({ balancer, pool, now }: Stage, picks: number): number {
  let sum = 0
  for (let i = 0; i < picks; i++) sum ^= balancer.pick(pool, Math.imul(i, 0x9e3779b1), now, -1)
  return sum
}
