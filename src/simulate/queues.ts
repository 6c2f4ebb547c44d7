// The three queues a discrete-event simulation is made of, on typed arrays, so that an event leaves no garbage.
//  - Agenda: which of a fixed set of alarms rings next. Each source of events (the arrivals, each server, each fault) has
//    one alarm for its own next event, so this heap holds tens of entries and not one per request.
//  - Timeline: things by time, for what is due in no particular order.
//  - Line: things in order of coming, for what takes the same time for all.

/** Alarms 0 .. n-1, each set to one time or to Infinity. Alarms of one time ring in the order of their numbers. */
export class Agenda {
  readonly #time: Float64Array
  /** All alarms, a binary heap. */
  readonly #heap: Int32Array
  /** Where each alarm is in the heap. */
  readonly #place: Int32Array

  constructor(alarms: number) {
    this.#time = new Float64Array(alarms).fill(Infinity)
    this.#heap = Int32Array.from({ length: alarms }, (_, i) => i)
    this.#place = this.#heap.slice()
  }

  /** The alarm that rings next. */
  get next(): number {
    return this.#heap[0]!
  }

  timeOf(alarm: number): number {
    return this.#time[alarm]!
  }

  set(alarm: number, time: number): void {
    this.#time[alarm] = time
    let at = this.#place[alarm]!
    while (at > 0 && this.#before(alarm, this.#heap[(at - 1) >> 1]!)) {
      this.#put(this.#heap[(at - 1) >> 1]!, at)
      at = (at - 1) >> 1
    }
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#before(this.#heap[child + 1]!, this.#heap[child]!)) child++
      if (!this.#before(this.#heap[child]!, alarm)) break
      this.#put(this.#heap[child]!, at)
      at = child
    }
    this.#put(alarm, at)
  }

  #put(alarm: number, at: number): void {
    this.#heap[at] = alarm
    this.#place[alarm] = at
  }

  #before(a: number, b: number): boolean {
    const difference = this.#time[a]! - this.#time[b]!
    return difference < 0 || (difference === 0 && a < b)
  }
}

/** Numbered things by time, earliest first; a binary heap. Things of one time come in the order of their numbers. */
export class Timeline {
  length = 0
  #times = new Float64Array(16)
  #ids = new Int32Array(16)

  /** Infinity when empty. */
  get firstTime(): number {
    return this.length > 0 ? this.#times[0]! : Infinity
  }

  push(id: number, time: number): void {
    if (this.length === this.#ids.length) {
      this.#times = enlarged(this.#times)
      this.#ids = enlarged(this.#ids)
    }
    let at = this.length++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#later(parent, id, time)) break
      this.#move(parent, at)
      at = parent
    }
    this.#times[at] = time
    this.#ids[at] = id
  }

  /** Takes the first away; it must not be empty. */
  shift(): number {
    const first = this.#ids[0]!
    const id = this.#ids[--this.length]!
    const time = this.#times[this.length]!
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.length) break
      if (child + 1 < this.length && this.#later(child, this.#ids[child + 1]!, this.#times[child + 1]!)) child++
      if (this.#later(child, id, time)) break
      this.#move(child, at)
      at = child
    }
    this.#times[at] = time
    this.#ids[at] = id
    return first
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!
    this.#ids[to] = this.#ids[from]!
  }

  /** What is at this place comes after (id, time). */
  #later(at: number, id: number, time: number): boolean {
    const difference = this.#times[at]! - time
    return difference > 0 || (difference === 0 && this.#ids[at]! > id)
  }
}

/** Numbered things in order of coming, each with a value that goes with it; a ring. */
export class Line {
  length = 0
  #head = 0
  #values = new Float64Array(16)
  #ids = new Int32Array(16)

  /** Of the first one; Infinity when empty. */
  get firstValue(): number {
    return this.length > 0 ? this.#values[this.#head]! : Infinity
  }

  push(id: number, value: number): void {
    if (this.length === this.#ids.length) this.#grow()
    const at = (this.#head + this.length++) & (this.#ids.length - 1)
    this.#ids[at] = id
    this.#values[at] = value
  }

  /** Takes the first away; it must not be empty. */
  shift(): number {
    const id = this.#ids[this.#head]!
    this.#head = (this.#head + 1) & (this.#ids.length - 1)
    this.length--
    return id
  }

  #grow(): void {
    const turned = <T extends Int32Array | Float64Array>(ring: T): T => {
      const straight = enlarged(ring)
      straight.set(ring.subarray(this.#head))
      straight.set(ring.subarray(0, this.#head), ring.length - this.#head)
      return straight
    }
    this.#values = turned(this.#values)
    this.#ids = turned(this.#ids)
    this.#head = 0
  }
}

/** Twice as long, with the same beginning. */
export function enlarged<T extends Int32Array | Float64Array | Uint8Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2)
  larger.set(array)
  return larger
}
