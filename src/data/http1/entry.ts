// What a request passes before it is given a server: where a proxy may have brought it, the question whose request it is;
// the gate of its frontend, the routes, the circuit breaker of the backend, and, where clients stay on their servers, the
// question which one is theirs. A refusal here has cost no server anything.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Session } from './session.ts'
import type { Backend } from '../upstream/backend.ts'
import type { ExchangeClient } from './exchange-client.ts'
import { dropIdentityFields } from './identity-fields.ts'
import type { RequestHead } from './request-head.ts'

/** What became of it; one object, used again for every request. */
class Entry {
  /** Null: it may go to a server. */
  refusal: ReasonCode | null = null
  /** Seconds, for a refusal; 0: nothing is said of it. */
  retryAfter = 0
  /** That it was routed to, or the one that stands in for it; null: it came to none. */
  backend: Backend | null = null
  session: Session | null = null
  /** Slot of the server that the client belongs to; -1: any. */
  home = -1
  /** What the choice of the server sticks to. */
  key = 0
  /** It waits before others. */
  high = false
}

const entry = new Entry()

/** @param now performance.now(). @returns good until the next call */
export function enter(client: ExchangeClient, head: RequestHead, buffer: Buffer, now: number): Entry {
  entry.backend = entry.session = null
  entry.home = -1
  entry.retryAfter = 0
  entry.refusal = refusalOf(client, head, buffer, now)
  return entry
}

function refusalOf(client: ExchangeClient, head: RequestHead, buffer: Buffer, now: number): ReasonCode | null {
  const { frontend } = client
  const { gate, trust } = frontend
  if (frontend.spec.guardsIdentity) dropIdentityFields(head.fields, buffer)
  if (trust !== null && trust.find(head.fields, buffer, client.peer)) {
    const denied = client.speakFor(trust.address, trust.port, trust.tells)
    if (denied !== null) return denied
  }
  const refusal = gate === null ? null : gate.refuses(head, buffer, client, now)
  if (refusal !== null) {
    entry.retryAfter = gate!.retryAfter
    return refusal
  }
  const { backend: routed, high } = frontend.targetOf(head, buffer)
  entry.backend = routed
  entry.high = high
  if (routed === null) return 'no_route'
  const backend = routed.inService
  if (backend === null) return 'circuit_open'
  entry.backend = backend
  entry.key = frontend.keyOf(backend, head, buffer, client)
  const sessions = frontend.sessionsOf(backend)
  if (sessions === null) return null

  const session = sessions.open(head, buffer, client, now)
  entry.session = session
  entry.home = session.slot
  const isLost = backend.isStrict && session.slot >= 0 && backend.home(session.slot) === null
  return isLost ? 'session_server_down' : null
}
