// From the bytes of a key to the 32 bits that a balancer is given. Parts are added where they stand, in a read buffer or
// elsewhere, so that no string is made of them. Between two parts comes a NUL, which can be in no part, so that "a" and
// "bc" differ from "ab" and "c"; a key of one part is exactly that part.
// There are two ways, and the algorithm of the backend decides: FNV-1a, fast and without garbage; or MD5, as the clients of
// Ketama rings have it, so that Weir and they send a key to the same server. One key at a time: digests have no owner.
import { getFips, hash } from 'node:crypto'
import { NO_BYTES, addBytes, mix } from '../../balance/hash.ts'
import { md5 } from '../../balance/md5.ts'
import type { BalanceSpec } from '../../messages/snapshot.ts'

export interface Digest {
  /** Bytes of parts so far; 0: every part is missing. */
  readonly length: number
  begin(): void
  /** More of the part: bytes[from, to). */
  add(bytes: Uint8Array, from: number, to: number): void
  /** The next part begins. */
  nextPart(): void
  /** The key: int32. */
  end(): number
}

const SEPARATOR = Uint8Array.of(0)

class FnvDigest implements Digest {
  length = 0
  #hash = NO_BYTES

  begin(): void {
    this.length = 0
    this.#hash = NO_BYTES
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    this.length += to - from
    this.#hash = addBytes(this.#hash, bytes, from, to)
  }

  nextPart(): void {
    this.#hash = addBytes(this.#hash, SEPARATOR, 0, 1)
  }

  end(): number {
    return mix(this.#hash)
  }
}

/** OpenSSL refuses MD5 for any purpose where it is held to FIPS 140. */
const mayUseMd5 = getFips() === 0

/** The first four bytes of the MD5 of the text, the lowest first. */
class KetamaDigest implements Digest {
  length = 0
  #text = Buffer.alloc(1024)
  #end = 0

  begin(): void {
    this.length = this.#end = 0
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    this.length += to - from
    this.#append(bytes, from, to)
  }

  nextPart(): void {
    this.#append(SEPARATOR, 0, 1)
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const end = this.#end + to - from
    if (end > this.#text.length) this.#text = Buffer.concat([this.#text], end * 2)
    for (let i = from, o = this.#end; i < to; i++, o++) this.#text[o] = bytes[i]!
    this.#end = end
  }

  end(): number {
    const text = this.#text.subarray(0, this.#end)
    return mayUseMd5 ? hash('md5', text, 'buffer').readInt32LE(0) : md5(text)[0]! | 0
  }
}

const fnv = new FnvDigest()
const ketama = new KetamaDigest()

/** The balancer has a ring that other clients of Ketama share, so that the key has to be theirs. */
export const isKetama = ({ algorithm, file, options }: BalanceSpec): boolean =>
  file === null && algorithm === 'hash' && options.table === 'ring'

/** The digest that the balancer of a backend expects. */
export const digestFor = (spec: BalanceSpec): Digest => (isKetama(spec) ? ketama : fnv)
