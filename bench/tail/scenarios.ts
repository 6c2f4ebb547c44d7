// What happens to the servers behind. Eight of them while a tail is measured, in the same scenarios as in `weir simulate`, in
// real time: each server has 4 cores shared by its requests, and a mean request takes 20 ms of one (a timer is good for
// one). Four of them in the bench of faults, which adds servers that thrash and servers that close.

export const SERVERS = 8
export const CORES = 4
/** Mean time of a request on an idle server of full speed, in ms. */
export const MEAN_SERVICE = 20

export interface TailScenario {
  readonly name: string
  readonly doc: string
  /** Of each server; 1: a mean request takes the mean time. */
  readonly speeds: readonly number[]
  /** This share of its requests fails at once, on the servers below `failingServers`, from the time given to them on. */
  readonly failing: number
  readonly failingServers: number
  /** How they fail: an answer with status 503, or the connection closed without an answer. */
  readonly failure: '503' | 'closed'
  /** Requests inside beyond which a server does less and less, as one that swaps; it does half at twice as many. 0: never. */
  readonly thrashAbove: number
  /** Each server makes no progress for 500 ms, about every so many ms; 0: never. */
  readonly stallEvery: number
}

const equal = Array<number>(SERVERS).fill(1)
const plain = {
  speeds: equal,
  failing: 0,
  failingServers: 1,
  failure: '503',
  thrashAbove: 0,
  stallEvery: 0,
} as const

export const tailScenarios: readonly TailScenario[] = [
  { ...plain, name: 'slow1', doc: 'one of 8 servers is three times slower', speeds: [1 / 3, ...equal.slice(1)] },
  {
    ...plain,
    name: 'two-tier',
    doc: '4 servers of full speed and 4 of half, weights not told',
    speeds: [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5],
  },
  { ...plain, name: 'stall', doc: 'each server freezes for 500 ms about every 20 s', stallEvery: 20_000 },
  { ...plain, name: 'failfast', doc: 'one server answers 503 at once to everything', failing: 1 },
  { ...plain, name: 'gray', doc: 'one server answers 503 at once to 15 % of its requests', failing: 0.15 },
]

const four = { ...plain, speeds: [1, 1, 1, 1] }

/** Those of the bench of faults. */
export const faultScenarios = {
  overload: { ...four, name: 'overload', doc: '4 servers that thrash above 100 requests inside', thrashAbove: 100 },
  storm503: { ...four, name: 'storm-503', doc: 'one of 4 servers answers 503 to everything', failing: 1 },
  stormClosed: {
    ...four,
    name: 'storm-closed',
    doc: 'one of 4 servers closes without an answer',
    failing: 1,
    failure: 'closed',
  },
  stormAll: { ...four, name: 'storm-all', doc: 'all 4 servers answer 503', failing: 1, failingServers: 4 },
} as const satisfies Record<string, TailScenario>

/** @throws when there is none */
export function findScenario(name: string): TailScenario {
  const found = [...tailScenarios, ...Object.values(faultScenarios)].find((each) => each.name === name)
  if (!found) throw new Error(`no scenario "${name}"`)
  return found
}

/**
 * Requests per second that the farm can serve when all is shared well, faults of short length left out.
 * @param mean time of a request on an idle server of full speed, in ms
 */
export const capacity = ({ speeds }: TailScenario, mean = MEAN_SERVICE): number =>
  (speeds.reduce((sum, speed) => sum + speed, 0) * CORES * 1000) / mean

/** Uniform numbers in 0 to 1 from a seed: what is random is the same for every peer (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export const exponential = (uniform: () => number, mean: number): number => -Math.log(1 - uniform()) * mean
