// Who a request is from, where proxies stand in front of this one. The peer of the connection is known for certain. As long
// as a hop is one of the trusted proxies, what it says is taken: the entry left of it is who it speaks for. The walk ends
// at the first hop that is no trusted proxy, and that one is the client; so nobody can make himself another by a field of
// his own. What a proxy says in X-Forwarded-Proto and -Port counts if the peer is trusted. A frontend that trusts nobody
// has none of this.
import type { TrustSpec } from '../../messages/snapshot.ts'
import { compileNetworks, type Networks } from '../clients/networks.ts'
import { FIELD_FORWARDED_SET, type Fields } from './fields.ts'
import { Hops } from './hops.ts'

/** Hops that are followed; the last of them then counts as the client. */
export const MAX_HOPS = 100

/** What of the protocol and the port that the client used is told by a trusted peer: bits. */
export const TELLS_PROTO = 1
export const TELLS_PORT = 2

/** The other end of a connection, as the socket or a PROXY header has it. */
export interface PeerAddress {
  readonly address: string
  readonly port: number
}

/** Tells X-Forwarded-Proto from -Port, which are one kind of field. */
const LENGTH_OF_PROTO = 'x-forwarded-proto'.length

export class TrustedProxies {
  /** Of the client that was found last; its port, 0: not told. */
  address = ''
  port = 0
  /** TELLS_PROTO, TELLS_PORT. */
  tells = 0
  readonly #networks: Networks
  readonly #hops: Hops

  constructor(networks: Networks, field: TrustSpec['field']) {
    this.#networks = networks
    this.#hops = new Hops(field)
  }

  /**
   * Finds the client of a request, and what is told of how it came.
   * @returns false: the peer is not trusted, and nothing but its own address counts; what was found before stays
   */
  find(fields: Fields, buffer: Buffer, peer: PeerAddress): boolean {
    if (!this.#networks(peer.address)) return false
    const hops = this.#hops
    this.address = peer.address
    this.port = peer.port
    hops.begin(fields, buffer)
    for (let hop = 0; hop < MAX_HOPS && hops.next(); hop++) {
      this.address = hops.address
      this.port = hops.port
      if (!this.#networks(hops.address)) break
    }
    this.tells = fields.has(FIELD_FORWARDED_SET) ? told(fields) : 0
    return true
  }
}

/** @returns null for a frontend that trusts nobody */
export function compileTrust({ networks, field }: TrustSpec): TrustedProxies | null {
  const trusted = compileNetworks(networks)
  return trusted === null ? null : new TrustedProxies(trusted, field)
}

function told({ count, kind, start, nameEnd }: Fields): number {
  let tells = 0
  for (let line = 0; line < count; line++) {
    if (kind[line] !== FIELD_FORWARDED_SET) continue
    const length = nameEnd[line]! - start[line]!
    tells |= length === LENGTH_OF_PROTO ? TELLS_PROTO : TELLS_PORT
  }
  return tells
}
