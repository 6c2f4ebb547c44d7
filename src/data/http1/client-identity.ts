// Who is at the other end of an http connection, and whom the request under way is from: the same, unless a trusted proxy
// speaks for many clients. Also what follows from it and from the bind: the lines that servers are told. Its own part of a
// client's connection (client.ts), which inherits it so that both have one shape.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Wire } from '../io/socket-owner.ts'
import type { Source } from '../clients/source.ts'
import type { Origin } from '../key/origin.ts'
import type { Peer } from '../proxy-protocol/peer.ts'
import type { RequestForwarding } from './forward.ts'
import type { HttpFrontend } from './frontend.ts'
import type { HttpBind } from './http-bind.ts'
import { identityLines } from './identity-fields.ts'

export class ClientIdentity {
  readonly peer: Peer
  /** Of whom the request under way is from. */
  address: string
  port: number
  readonly tls: boolean
  frontend: HttpFrontend
  forwarding: RequestForwarding
  origin: Origin | null = null
  /** Null when this frontend has no rules about its clients. */
  source: Source | null = null
  readonly #bind: HttpBind
  readonly #socket: Wire
  /** Lines that tell servers of the certificate that the client has shown; '': none of them are wanted. */
  #identity: string

  /** @param socket one whose handshake is over */
  constructor(bind: HttpBind, peer: Peer, socket: Wire) {
    this.#bind = bind
    this.#socket = socket
    this.#identity = identityLines(bind.identityFields, socket)
    this.peer = peer
    this.address = peer.address
    this.port = peer.port
    this.tls = bind.tls
    this.frontend = bind.frontend
    this.forwarding = bind.forwardingFor(peer.address, 0, this.#identity)
  }

  /** Line of Strict-Transport-Security, with its CRLF, for responses that have none; '': none. */
  get hsts(): string {
    return this.tls ? this.#bind.hsts : ''
  }

  /** Before each request: when the configuration has changed, this request goes by the new one, and so do all after it. */
  followBind(): void {
    if (this.#bind.frontend === this.frontend) return
    this.frontend = this.#bind.frontend
    this.speakForItself()
    this.#identity = identityLines(this.#bind.identityFields, this.#socket)
    this.forwarding = this.#bind.forwardingFor(this.address, 0, this.#identity)
  }

  /**
   * The request under way is that of another client, for whom the peer speaks.
   * @param tells what else the peer tells of it: bits of client-address.ts
   * @returns why that one is not let in; null: it is
   */
  speakFor(address: string, port: number, tells: number): ReasonCode | null {
    if (address !== this.address) this.origin = null
    this.address = address
    this.port = port
    const shown = this.frontend.spec.forward.xForwarded === 'replace' ? address : this.peer.address
    this.forwarding = this.#bind.forwardingFor(shown, tells, this.#identity)
    return this.source === null ? null : this.source.speakFor(address)
  }

  /** What follows is of the peer's own. */
  speakForItself(): void {
    const { address, port } = this.peer
    if (address !== this.address) this.origin = null
    this.address = address
    this.port = port
    this.source?.speakFor(address)
  }
}
