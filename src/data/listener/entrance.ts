// Whether a connection that was accepted may come in: it is asked for its PROXY header where that is wanted, held against
// the rules about clients, and gets its place or waits for one. What may not come in is turned away, at once or, when it
// came too fast, after a while. How those that have come in go on is said in beginning.ts.
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import { compileClientRules, type ClientRules } from '../clients/client-rules.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import { peerAddress, type Accepted } from '../io/socket.ts'
import { HeaderReader, type HeaderHost, type Introduced } from '../proxy-protocol/header-reader.ts'
import { compileProxyRules, type ProxyRules } from '../proxy-protocol/rules.ts'
import type { Admission } from './admission.ts'
import { reset, type Beginning } from './beginning.ts'
import type { Connections } from './connections.ts'
import { Held, type Host } from './held.ts'
import { parkedSince } from './parking.ts'
import type { Served } from './served.ts'

/** What the connections of one bind share. */
export interface EntranceOptions {
  readonly admission: Admission
  readonly connections: Connections
  readonly beginning: Beginning
}

export class Entrance implements Host, HeaderHost {
  #served: Served
  readonly #context: WorkerContext
  readonly #admission: Admission
  readonly #connections: Connections
  readonly #beginning: Beginning
  /** Null when the frontend has none. */
  #rules: ClientRules | null
  /** Null: no PROXY header is read. */
  #proxy: ProxyRules | null
  /** Connections whose header is waited for. */
  #unknown = 0

  constructor(served: Served, context: WorkerContext, { admission, connections, beginning }: EntranceOptions) {
    this.#served = served
    this.#context = context
    this.#admission = admission
    this.#connections = connections
    this.#beginning = beginning
    this.#rules = compileClientRules(served.frontend, admission.sources, context)
    this.#proxy = compileProxyRules(served.bind.proxy)
  }

  /** Goes by another configuration from the next connection on. */
  follow(served: Served): void {
    const { frontend } = this.#served
    this.#served = served
    const rules = ({ clients, trust, mode }: FrontendSpec) => ({ clients, trust, mode })
    if (!isDeepStrictEqual(rules(served.frontend), rules(frontend))) {
      this.#rules = compileClientRules(served.frontend, this.#admission.sources, this.#context)
    }
    this.#proxy = compileProxyRules(served.bind.proxy)
  }

  get slot(): number {
    return this.#served.frontend.slot
  }

  get most(): number {
    return this.#served.frontend.maxConnections
  }

  take(accepted: Accepted): void {
    this.#context.row.counters.frontend.connects[this.slot]!++
    if (this.#proxy === null) return this.#admit(accepted, null)
    const from = peerAddress(accepted)
    if (from === '') return reset(accepted) // gone already
    if (this.#proxy.trusts(from)) this.#awaitHeader(accepted, from, this.#proxy)
    else if (this.#proxy.required) this.#beginning.reset(accepted, 'bad_proxy_header')
    else this.#admit(accepted, null) // a header is no more than bytes of its protocol then
  }

  /** No more of them than there may be connections: they have no place yet. */
  #awaitHeader(accepted: Accepted, from: string | null, rules: ProxyRules): void {
    if (this.#unknown >= this.most) return this.#beginning.reset(accepted, 'frontend_full')
    this.#unknown++
    this.#connections.add(new HeaderReader(accepted, from, rules, this.#context, this))
  }

  onIntroduced(reader: HeaderReader, introduced: Introduced): void {
    this.#connections.remove(reader)
    this.#unknown--
    this.#admit(introduced.socket, introduced)
    this.#connections.onEnd()
  }

  onNoHeader(reader: HeaderReader, silent: boolean): void {
    this.#unknown--
    if (!silent) this.#beginning.count('bad_proxy_header')
    this.#connections.end(reader)
  }

  /** @param introduced null: it was not asked for a header */
  #admit(accepted: Accepted, introduced: Introduced | null): void {
    let source: Source | null = null
    if (this.#rules !== null) {
      const address = introduced === null ? peerAddress(accepted) : introduced.address
      source = this.#rules.admit(address, performance.now())
      if (source === null) return this.#notAdmitted(accepted, introduced, this.#rules)
    }
    // Over http, it is the requests that are shed.
    if (this.#served.http === null && this.#context.overload.sheds(source?.exempt ?? false)) {
      source?.close()
      return this.#beginning.refuse({ accepted, introduced }, 'overloaded', 0)
    }
    const full = this.#admission.parking.takePlace(this.slot, this.most)
    if (full === null) return this.#beginning.start({ accepted, introduced, source })
    const held = new Held(accepted, this, { since: parkedSince(), reason: full, retryAfter: 0, source })
    held.introduced = introduced
    if (!this.#admission.parking.park(held, full)) return this.turnAway(held)
    this.#connections.add(held)
  }

  /** The rules are against it: it is refused, after a while when it came too fast and there is a tarpit. */
  #notAdmitted(accepted: Accepted, introduced: Introduced | null, { refusal, retryAfter }: ClientRules): void {
    const { tarpit } = this.#served.frontend.clients
    if (refusal !== 'rate_limited' || tarpit === 0 || this.#context.draining)
      return this.#beginning.refuse({ accepted, introduced }, refusal, retryAfter)
    const held = new Held(accepted, this, { since: 0, reason: refusal, retryAfter, source: null })
    held.introduced = introduced
    this.#connections.add(held)
    this.#admission.tarpit.hold(held, tarpit)
  }

  enter(held: Held): void {
    this.#connections.remove(held)
    this.#beginning.start(held)
  }

  turnAway(held: Held): void {
    this.#connections.remove(held)
    held.source?.close()
    this.#beginning.refuse(held, held.reason, held.retryAfter)
    this.#connections.onEnd()
  }

  drop(held: Held): void {
    held.source?.close()
    reset(held.accepted)
    this.#connections.end(held)
  }
}
