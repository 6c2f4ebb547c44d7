// When a session cookie was last seen and first set, carried by the cookie itself, so that its end can be told on any worker
// and machine without a table. Twelve bytes, base64url: both times in seconds since 1970 (uint32), and a MAC over them and
// the tag of the server, so that a client cannot make its session younger, or move it.
// Machines whose clocks differ by more than the limits are short would disagree; a time to come counts as now.
import { createHmac } from 'node:crypto'

/** Characters of a stamp. */
export const STAMP_LENGTH = 16
const MAC_BYTES = 4
const STAMP_BYTES = 12
/** Stamps that were found genuine and are not checked again, because a client sends the same one with every request. */
const MAX_KNOWN = 4096

export interface StampLimits {
  /** Milliseconds; 0: none. */
  readonly maxIdle: number
  readonly maxLife: number
}

/** What a genuine stamp says at a given time. */
export interface StampReading {
  readonly expired: boolean
  /** It is time for a younger one: a tenth of the idle time has gone by, so that not every response carries a cookie. */
  readonly old: boolean
  /** When the cookie was first set, in seconds. */
  readonly first: number
}

const bytes = Buffer.alloc(STAMP_BYTES)

export class Stamps {
  readonly #key: Uint8Array
  readonly #maxIdle: number
  readonly #maxLife: number
  readonly #renewAfter: number
  readonly #known = new Set<string>()

  constructor(key: Uint8Array, { maxIdle, maxLife }: StampLimits) {
    this.#key = key
    this.#maxIdle = maxIdle === 0 ? Infinity : maxIdle / 1000
    this.#maxLife = maxLife === 0 ? Infinity : maxLife / 1000
    this.#renewAfter = Math.max(1, this.#maxIdle / 10)
  }

  /** @param tag of the server. @param first when the cookie was first set. @param now both in seconds since 1970 */
  write(tag: string, first: number, now: number): string {
    bytes.writeUInt32BE(now, 0)
    bytes.writeUInt32BE(first, 4)
    this.#mac(tag).copy(bytes, 8, 0, MAC_BYTES)
    return bytes.toString('base64url')
  }

  /** @param stamp of any length and content. @returns null: this was not written with our key for this tag */
  read(tag: string, stamp: string, now: number): StampReading | null {
    if (stamp.length !== STAMP_LENGTH || bytes.write(stamp, 'base64url') !== STAMP_BYTES) return null
    if (!this.#known.has(tag + stamp)) {
      if (this.#mac(tag).compare(bytes, 8, STAMP_BYTES, 0, MAC_BYTES) !== 0) return null
      if (this.#known.size >= MAX_KNOWN) this.#known.clear()
      this.#known.add(tag + stamp)
    }
    const idle = now - bytes.readUInt32BE(0)
    const first = bytes.readUInt32BE(4)
    return { expired: idle > this.#maxIdle || now - first > this.#maxLife, old: idle >= this.#renewAfter, first }
  }

  /** Of the times in `bytes`. The NUL in front is in no name of a server, which are hashed with the same key. */
  #mac(tag: string): Buffer {
    return createHmac('sha256', this.#key).update(`\0${tag}`).update(bytes.subarray(0, 8)).digest()
  }
}
