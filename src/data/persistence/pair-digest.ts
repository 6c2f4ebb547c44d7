// What a session is told by, as the two numbers that a table in shared memory knows it by. Two hashes of unlike make (one
// is FNV-1a, the other rotates and multiplies), each seeded with a secret of the table: what collides in one does not
// in the other, and nobody outside can look for what collides in both. Bytes are hashed where they stand.
import { addBytes, mix } from '../../balance/hash.ts'
import type { Digest } from '../key/digest.ts'

const MULTIPLIER = 0x2c1b3c6d
const SEPARATOR = Uint8Array.of(0)

/** After `end`, the place and the key for a KeyedTable; int32. */
export class PairDigest implements Digest {
  length = 0
  place = 0
  key = 0
  readonly #secrets: readonly [place: number, key: number]

  constructor(secrets: readonly [place: number, key: number]) {
    this.#secrets = secrets
  }

  begin(): void {
    this.length = 0
    this.place = this.#secrets[0]
    this.key = this.#secrets[1]
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    this.length += to - from
    this.#append(bytes, from, to)
  }

  nextPart(): void {
    this.#append(SEPARATOR, 0, 1)
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    this.place = addBytes(this.place, bytes, from, to)
    let h = this.key
    for (let i = from; i < to; i++) h = Math.imul(((h << 5) | (h >>> 27)) ^ bytes[i]!, MULTIPLIER)
    this.key = h
  }

  end(): number {
    this.place = mix(this.place)
    this.key = mix(this.key)
    return this.key
  }
}
