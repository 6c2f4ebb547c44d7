// The key of a tcp connection: what `hash` and its kin stick to. Only the client's address and the server name of a TLS
// handshake are known of it. Where Weir terminates TLS the name is there when the connection is; where TLS passes through,
// it stands in the first bytes of the client, which then have to be read before a server can be picked.
import type { Dice } from '../../balance/types.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import type { KeyPart } from '../../model/balancers.ts'
import { digestFor, isKetama, type Digest } from '../key/digest.ts'
import type { Origin } from '../key/origin.ts'
import { addOriginPart, keyParts, randomKey } from '../key/parts.ts'

export class ConnectionKey {
  /** The server name is a part of it. */
  readonly usesServerName: boolean
  readonly #parts: readonly KeyPart[]
  readonly #digest: Digest
  readonly #soleNetwork: boolean

  constructor(spec: BackendSpec) {
    const parts = keyParts(spec.balance)
    this.#parts = parts
    this.#digest = digestFor(spec.balance)
    this.#soleNetwork = parts.length === 1 && parts[0]!.source === 'client' && !isKetama(spec.balance)
    this.usesServerName = parts.some(({ source }) => source === 'sni')
  }

  /** @returns int32; by chance when the connection has none of the parts, so ask once per connection */
  of(origin: Origin, dice: Dice): number {
    const digest = this.#digest
    const parts = this.#parts
    if (this.#soleNetwork) return origin.hasAddress ? origin.networkHash(parts[0]!) : randomKey(dice)
    digest.begin()
    for (const [i, part] of parts.entries()) {
      if (i > 0) digest.nextPart()
      addOriginPart(digest, part, origin)
    }
    return digest.length === 0 ? randomKey(dice) : digest.end()
  }
}

const compiled = new WeakMap<BackendSpec, ConnectionKey | null>()

/** The key of connections to a backend, made once; null when its algorithm follows none. */
export function connectionKeyOf(spec: BackendSpec): ConnectionKey | null {
  let key = compiled.get(spec)
  if (key === undefined)
    compiled.set(spec, (key = keyParts(spec.balance).length === 0 ? null : new ConnectionKey(spec)))
  return key
}
