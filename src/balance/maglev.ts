// Maglev's lookup table: hash -> member, in the shares of the weights, with few cells that change when members come and go.
// Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4: every member
// ranks all cells in an order of its own, made from its name, and the members take turns at claiming the best cell that
// is still free. Weights (which the paper leaves open) decide how often a member has a turn: its k-th is at the time
// (2k + 1) / weight, so that removing a member leaves the order of all other turns as it was.
// Built in O(M log M) expected, 2 to 20 ms for up to 1024 members; that is for changes of membership or weight, not for
// health, which is the caller's business. A member with less than about 1 / 2M of all weight may get no cell.
import { hashString } from './hash.ts'

/** M of the paper, a prime: with 65537 cells shares are exact to 0.0015 % of the keys. Enough for some 600 members. */
export const MAGLEV_CELLS = 65537

export interface Ranked {
  readonly name: string
  readonly weight: number
}

const FREE = 0xffff

/**
 * @param members sorted by name, because the earlier has the first turn of two at the same time; at most 65535
 * @returns index into `members` for each of MAGLEV_CELLS cells; no cell is left free unless there are no members
 */
export function buildMaglev(members: readonly Ranked[]): Uint16Array {
  const cells = new Uint16Array(MAGLEV_CELLS).fill(FREE)
  if (members.length === 0) return cells
  const next = Int32Array.from(members, (m) => (hashString(m.name) >>> 0) % MAGLEV_CELLS)
  const skip = Int32Array.from(members, (m) => ((hashString(m.name, 0x5bd1e995) >>> 0) % (MAGLEV_CELLS - 1)) + 1)
  const turns = new Turns(members)
  for (let claimed = 0; claimed < MAGLEV_CELLS; claimed++) {
    const member = turns.take()
    let cell = next[member]!
    while (cells[cell] !== FREE) cell = (cell + skip[member]!) % MAGLEV_CELLS
    cells[cell] = member
    next[member] = (cell + skip[member]!) % MAGLEV_CELLS
  }
  return cells
}

/** Whose turn it is: a binary heap of the members by the time of their next turn, then by index. */
class Turns {
  readonly #heap: Int32Array
  readonly #time: Float64Array
  readonly #taken: Int32Array
  readonly #members: readonly Ranked[]

  constructor(members: readonly Ranked[]) {
    this.#members = members
    this.#taken = new Int32Array(members.length)
    this.#time = Float64Array.from(members, (m) => 1 / m.weight)
    this.#heap = Int32Array.from(members, (_, i) => i)
    for (let at = members.length >> 1; at >= 0; at--) this.#sink(at)
  }

  /** The member that is next; it goes back into the heap for its turn after that. */
  take(): number {
    const member = this.#heap[0]!
    const taken = ++this.#taken[member]!
    this.#time[member] = (2 * taken + 1) / this.#members[member]!.weight // one division: equal shares tie exactly
    this.#sink(0)
    return member
  }

  #sink(at: number): void {
    const heap = this.#heap
    const moving = heap[at]!
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, moving)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = moving
  }

  #before(a: number, b: number): boolean {
    const difference = this.#time[a]! - this.#time[b]!
    return difference < 0 || (difference === 0 && a < b)
  }
}
