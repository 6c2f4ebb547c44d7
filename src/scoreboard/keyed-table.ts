// A bounded table of keys in shared memory, for what all workers must know of a client or a session: which server it
// stays on, how much it has asked for. Sets of eight ways: a key belongs to one set, and in a full set the key that was
// not seen for longest gives way, unless somebody holds on to it (`pins`). Nothing is ever moved, so an index of an entry
// stays good as long as it is pinned, or until another key has taken it, which `holds` tells.
// Keys are two 32-bit hashes of the real one, seeded by the caller with the secrets of the table: 2^-32 for each way that a
// stranger is taken for it, and nobody can aim at it. Cost: one cache line to find a key. No lock: an entry that is being
// made is marked BUSY, and whoever meets it waits for the few instructions that this takes.
//
// One key never gets two entries, though workers may make it at the same time in two ways of its set: who has marked a way
// looks through the others once more. Of two that meet there, the one with the higher way withdraws, and the one with the
// lower waits for it, so that nobody waits in a circle.
import { randomInt } from 'node:crypto'

const WAYS = 8
const EMPTY = 0
const BUSY = -1
/** How often a busy entry is looked at before its maker is given the core, which it may be waiting for. */
const SPINS = 100
/** How many milliseconds after that it is taken for the remains of a thread that died. */
const PATIENCE = 50
/** Another worker was faster, or may be: look once more. */
const AGAIN = -2
const HEADER_CELLS = 16
/** Cells of the header: the shape, then the secrets. */
const SECRETS = 3
const KEY = 0
const SEEN = 1
const PINS = 2
const BUILT_IN = 3

export interface KeyedTableShape {
  /** Rounded up to a power of two, at least 8. */
  readonly entries: number
  /** Int32 columns for what is kept of a key; all 0 when the entry is made. */
  readonly columns: number
  /** Workers that pin entries: each has a column of its own, so that a dead one's pins can be taken back. */
  readonly workers: number
  /** Of a table whose keys are to be found in this one; new ones when not said. */
  readonly secrets?: KeyedTable['secrets']
}

/** @returns memory for a KeyedTable, all zero but for its header */
export function createKeyedTable({ entries, columns, workers, secrets }: KeyedTableShape): SharedArrayBuffer {
  const rounded = Math.max(WAYS, 2 ** Math.ceil(Math.log2(entries)))
  const memory = new SharedArrayBuffer((HEADER_CELLS + rounded * (BUILT_IN + columns + workers)) * 4)
  const header = new Int32Array(memory, 0, HEADER_CELLS)
  header.set([rounded, columns, workers, ...(secrets ?? [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0])])
  return memory
}

export class KeyedTable {
  readonly entries: number
  /** Seeds for the two hashes of a key, the same in all threads. */
  readonly secrets: readonly [place: number, key: number]
  /** How many times an entry is held, over all workers: while that is not 0, no other key takes it. */
  readonly pins: Int32Array
  /** When a key was last seen, by the caller's clock (int32, wraps). */
  readonly seen: Int32Array
  readonly #keys: Int32Array
  readonly #columns: readonly Int32Array[]
  readonly #ownPins: readonly Int32Array[]

  constructor(memory: SharedArrayBuffer) {
    const [entries, columns, workers] = new Int32Array(memory, 0, 3) as unknown as [number, number, number]
    const column = (i: number): Int32Array => new Int32Array(memory, (HEADER_CELLS + i * entries) * 4, entries)
    this.entries = entries
    this.secrets = Array.from(new Int32Array(memory, SECRETS * 4, 2)) as [number, number]
    this.#keys = column(KEY)
    this.seen = column(SEEN)
    this.pins = column(PINS)
    this.#columns = Array.from({ length: columns }, (_, i) => column(BUILT_IN + i))
    this.#ownPins = Array.from({ length: workers }, (_, i) => column(BUILT_IN + columns + i))
  }

  /** One of the caller's columns, by entry. */
  column(i: number): Int32Array {
    return this.#columns[i]!
  }

  /** @returns the entry of a key, or -1 */
  find(place: number, key: number): number {
    return this.#entryOf(this.#firstOf(place), wordOf(key))
  }

  /** Whether the entry is still that of this key. */
  holds(entry: number, key: number): boolean {
    return this.#settled(entry) === wordOf(key)
  }

  /**
   * The entry of a key, made if there is none.
   * @param now of the caller's clock
   * @returns -1: all entries that it could have are pinned
   */
  claim(place: number, key: number, now: number): number {
    const first = this.#firstOf(place)
    const wanted = wordOf(key)
    for (;;) {
      const found = this.#entryOf(first, wanted)
      if (found >= 0) return found
      const victim = this.#victim(first, now)
      if (victim < 0) return -1
      const before = Atomics.load(this.#keys, victim)
      if (before === BUSY || Atomics.compareExchange(this.#keys, victim, before, BUSY) !== before) continue
      const rival = Atomics.load(this.pins, victim) === 0 ? this.#rivalOf(first, victim, wanted) : AGAIN
      if (rival === -1) {
        for (const column of this.#columns) column[victim] = 0
        this.seen[victim] = now
        if (Atomics.compareExchange(this.#keys, victim, BUSY, wanted) === BUSY) return victim
        continue // we were so slow that somebody took us for dead
      }
      Atomics.compareExchange(this.#keys, victim, BUSY, before)
      if (rival >= 0) return rival
    }
  }

  /** Forgets a key. */
  remove(entry: number, key: number): void {
    Atomics.compareExchange(this.#keys, entry, wordOf(key), EMPTY)
  }

  /** Holds on to an entry. @returns how many held it before; the caller looks whether it still `holds` its key */
  pin(entry: number, worker: number): number {
    this.#ownPins[worker]![entry]!++
    return Atomics.add(this.pins, entry, 1)
  }

  /** The same, unless it is held `most` times already, however many workers try at once. @returns whether it is held now */
  pinBelow(entry: number, worker: number, most: number): boolean {
    for (let held = Atomics.load(this.pins, entry); held < most;) {
      const before = Atomics.compareExchange(this.pins, entry, held, held + 1)
      if (before === held) {
        this.#ownPins[worker]![entry]!++
        return true
      }
      held = before
    }
    return false
  }

  unpin(entry: number, worker: number): void {
    this.#ownPins[worker]![entry]!--
    Atomics.sub(this.pins, entry, 1)
  }

  /** Takes back the pins of a worker that has died. */
  release(worker: number): void {
    const own = this.#ownPins[worker]
    if (own === undefined) return
    for (let entry = 0; entry < own.length; entry++) {
      if (own[entry] === 0) continue
      Atomics.sub(this.pins, entry, own[entry]!)
      own[entry] = 0
    }
  }

  /** Some key has it. */
  isTaken(entry: number): boolean {
    return this.#keys[entry] !== EMPTY
  }

  /** What stands for its key, and is taken for it by `find` and `claim`; 0: none has it, or somebody is about to. */
  keyOf(entry: number): number {
    const word = Atomics.load(this.#keys, entry)
    return word === BUSY ? EMPTY : word
  }

  /** A place that leads to this entry, here and in every smaller table. */
  placeOf(entry: number): number {
    return Math.floor(entry / WAYS)
  }

  /** Keys in the table: a walk over all of it, for metrics. */
  get size(): number {
    let size = 0
    for (const key of this.#keys) if (key !== EMPTY) size++
    return size
  }

  #firstOf(place: number): number {
    return (place & (this.entries / WAYS - 1)) * WAYS
  }

  /** The entry that holds a key, -1 if none does; waits for those that are being made. */
  #entryOf(first: number, wanted: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#settled(entry) === wanted) return entry
    }
    return -1
  }

  /** What stands in a way once it is not busy any more. */
  #settled(entry: number): number {
    const keys = this.#keys
    let word = Atomics.load(keys, entry)
    for (let i = 0; word === BUSY && i < SPINS; i++) word = Atomics.load(keys, entry)
    for (let i = 0; word === BUSY && i < PATIENCE; i++) {
      Atomics.wait(keys, entry, BUSY, 1)
      word = Atomics.load(keys, entry)
    }
    if (word !== BUSY) return word
    const remains = Atomics.compareExchange(keys, entry, BUSY, EMPTY)
    return remains === BUSY ? EMPTY : remains
  }

  /**
   * Whether the key that is about to be made at `own`, which is marked, has come into another way in the meantime.
   * @returns its entry; -1: it has not; AGAIN: it may, which is to be seen without holding the mark
   */
  #rivalOf(first: number, own: number, wanted: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (entry === own) continue
      const word = entry < own ? Atomics.load(this.#keys, entry) : this.#settled(entry)
      if (word === wanted) return entry
      if (word === BUSY) return AGAIN
    }
    return -1
  }

  /** An empty entry, else the one not seen for longest that nobody holds; -1: none. */
  #victim(first: number, now: number): number {
    let victim = -1
    let oldest = -1
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#keys[entry] === EMPTY && this.pins[entry] === 0) return entry
      if (this.pins[entry] !== 0) continue
      const age = Math.max(0, (now - this.seen[entry]!) | 0)
      if (age <= oldest) continue
      oldest = age
      victim = entry
    }
    return victim
  }
}

/** Two values mean something else. */
const wordOf = (key: number): number => ((key | 0) === EMPTY || (key | 0) === BUSY ? 1 : key | 0)
