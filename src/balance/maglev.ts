// Maglev's lookup table: hash -> member, in the shares of the weights, with few cells that change when members come and go.
// Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4: every member
// ranks all cells in an order of its own, made from its name, and the members take turns at claiming the best cell that
// is still free. Weights (which the paper leaves open) decide how often a member has a turn: its k-th is at the time
// (2k + 1) / weight, so that removing a member leaves the order of all other turns as it was.
// Built in O(M log M) expected for M cells: 10 ms for the small table, 150 to 400 ms for the large one; that is for changes
// of membership or weight, not for health, which is the caller's business. A member with less than about 1 / 2M of all
// weight may get no cell.
import { hashString } from './hash.ts'

/**
 * M of the paper, a prime. The more cells, the fewer keys of others move with a member: with 64 members and the small
 * table 1.3 times as many as have to, with 512 members 5.7 times; with the large one 2.2 times. A table has one of two
 * sizes, so the pool that grows past 64 members moves nearly all keys, that once.
 */
const SMALL_TABLE = 65537
const LARGE_TABLE = 655373
const MEMBERS_OF_SMALL_TABLE = 64

export const maglevCells = (members: number): number => (members <= MEMBERS_OF_SMALL_TABLE ? SMALL_TABLE : LARGE_TABLE)

/** The cell of a hash, signed or not. Remainders by a constant are products to the compiler: 1 ns where a division takes 12. */
export const cellOf = (hash: number, size: number): number =>
  size === SMALL_TABLE ? (hash >>> 0) % SMALL_TABLE : (hash >>> 0) % LARGE_TABLE

export interface Ranked {
  readonly name: string
  readonly weight: number
}

const FREE = 0xffff
/** For a hash of the name that has nothing to do with the first. */
const SECOND_SEED = 0x5bd1e995

/**
 * @param members sorted by name, because the earlier has the first turn of two at the same time; 1 to 65535
 * @returns index into `members` for each cell
 */
export function buildMaglev(members: readonly Ranked[]): Uint16Array {
  const size = maglevCells(members.length)
  const cells = new Uint16Array(size).fill(FREE)
  const next = Int32Array.from(members, ({ name }) => cellOf(hashString(name), size))
  const skip = Int32Array.from(members, ({ name }) => ((hashString(name, SECOND_SEED) >>> 0) % (size - 1)) + 1)
  const turns = new Turns(members)
  for (let claimed = 0; claimed < size; claimed++) {
    const member = turns.take()
    const step = skip[member]!
    let cell = next[member]!
    while (cells[cell] !== FREE) {
      cell += step
      if (cell >= size) cell -= size
    }
    cells[cell] = member
    next[member] = cell // taken now: the next turn moves on from it
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
