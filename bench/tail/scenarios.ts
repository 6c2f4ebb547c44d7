// What happens to the eight servers behind while a tail is measured. The same scenarios as in `weir simulate`, in real time:
// each server has 4 cores shared by its requests, and a mean request takes 20 ms of one (a timer is good for one).

export const SERVERS = 8
export const CORES = 4
/** Mean time of a request on an idle server of full speed, in ms. */
export const MEAN_SERVICE = 20

export interface TailScenario {
  readonly name: string
  readonly doc: string
  /** Of each server; 1: a mean request takes the mean time. */
  readonly speeds: readonly number[]
  /** Server 0 answers 503 at once to this share of its requests, from a quarter of the measured time on. */
  readonly failing: number
  /** Each server makes no progress for 500 ms, about every so many ms; 0: never. */
  readonly stallEvery: number
}

const equal = Array<number>(SERVERS).fill(1)
const plain = { speeds: equal, failing: 0, stallEvery: 0 }

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

/** Requests per second that the farm can serve when all is shared well, faults of short length left out. */
export const capacity = ({ speeds }: TailScenario): number =>
  (speeds.reduce((sum, speed) => sum + speed, 0) * CORES * 1000) / MEAN_SERVICE

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
