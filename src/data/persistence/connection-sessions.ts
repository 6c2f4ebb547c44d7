// Sessions of tcp connections: which server the client's address, or the server name that it asks for, belongs to. As for
// requests, but there is nothing to be read or written on the way, and a connection that was made is the answer.
import type { BackendSpec, SessionTableSpec } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { Origin } from '../key/origin.ts'
import { addOriginPart } from '../key/parts.ts'
import { SessionTable } from './session-table.ts'

export class ConnectionSessions {
  /** The server name is part of what sessions are told by: it has to be known before `find`. */
  readonly usesServerName: boolean
  readonly #spec: SessionTableSpec
  readonly #table: SessionTable

  constructor(backend: BackendSpec, spec: SessionTableSpec, memory: SharedArrayBuffer) {
    this.usesServerName = spec.by.some(({ source }) => source === 'sni')
    this.#spec = spec
    this.#table = new SessionTable(backend, spec, memory)
  }

  /**
   * Before a server is picked.
   * @param address of the client, as plainAddress has it
   * @param serverName that it asks for; '': none
   * @param now performance.now()
   * @returns slot of the server that it belongs to; -1: none
   */
  find(address: string, serverName: string, now: number): number {
    if (!this.#fill(address, serverName)) return -1
    const { place, key } = this.#table.digest
    return this.#table.find(place, key, now)
  }

  /** A connection to this server has been made. */
  remember(address: string, serverName: string, slot: number, now: number): void {
    if (!this.#fill(address, serverName)) return
    const { place, key } = this.#table.digest
    this.#table.remember(place, key, slot, millisOf(now))
  }

  /** @returns false when there is nothing by which a session could be told */
  #fill(address: string, serverName: string): boolean {
    const origin = new Origin(address, serverName)
    const { digest } = this.#table
    digest.begin()
    for (const [i, part] of this.#spec.by.entries()) {
      if (i > 0) digest.nextPart()
      addOriginPart(digest, part, origin)
    }
    if (digest.length === 0) return false
    digest.end()
    return true
  }
}
