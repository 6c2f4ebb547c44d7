// Session tickets of a context (RFC 5077; RFC 8446, section 4.6.1): which secret they are made with, and from which ones they
// are accepted. With one secret this is OpenSSL's own business, through the documented option `ticketKeys`. Node takes no
// more than one there; that a second one is good too, after a change of the first, needs a callback of its SecureContext that
// is not documented (`onticketkeycallback`, in Node since 2012, called for each ticket). Where it is missing, tickets from
// before a change are no more than a full handshake. The callback costs a few microseconds a ticket, so it is set only where
// there is more than one secret, or where there are to be no tickets at all: OpenSSL then sends none, while its option
// SSL_OP_NO_TICKET has it send some, with TLS 1.3, that are good for nothing.
import { randomBytes, randomFillSync } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { TicketKeys } from '../../messages/tls.ts'

const PART = 16
/** Of one secret: name, key for HMAC-SHA256, key for AES-128-CBC, in this order. */
export const TICKET_KEY_LENGTH = 3 * PART

/** What Node wants to hear: a verdict, then the HMAC key, the AES key, the name, and the initialization vector. */
type Answer = [verdict: number, hmac: Uint8Array, aes: Uint8Array, name: Uint8Array, iv: Uint8Array]
/** No ticket, or one that is not known: a full handshake. */
const NONE = 0
const GOOD = 1
/**
 * Good, and the client is to have a new one, made with the first secret. With TLS 1.3 browsers use a ticket once (RFC 8446,
 * appendix C.4), so that without a new one every other of their connections would be a full handshake.
 */
const RENEW = 2

interface NativeContext {
  enableTicketKeyCallback?: () => void
  onticketkeycallback?: (name: Uint8Array, iv: Uint8Array, makes: boolean) => Answer
}

let canAnswer: boolean | null = null

/** Whether Node asks for the secret of each ticket. */
export const answersTickets = (): boolean =>
  (canAnswer ??=
    typeof (createSecureContext({ ca: [] }).context as NativeContext).enableTicketKeyCallback === 'function')

/** A secret as the callback answers with it. */
interface Secret {
  readonly name: Uint8Array
  readonly hmac: Uint8Array
  readonly aes: Uint8Array
}

/** The secrets of a worker. All of its contexts ask the same one, so that a change reaches those that exist already. */
export class TicketSecrets {
  /** As the control plane sent them; the first makes tickets. */
  readonly keys: TicketKeys
  readonly #secrets: readonly Secret[]

  constructor(keys: TicketKeys) {
    this.keys = keys.length > 0 ? keys : [randomBytes(TICKET_KEY_LENGTH)]
    this.areAsked = this.keys.length > 1 && answersTickets()
    this.#secrets = this.keys.map(secretOf)
  }

  get first(): Buffer {
    return Buffer.from(this.keys[0]!)
  }

  /** OpenSSL alone can't do with them, and contexts ask each time; else each keeps the first as it was when it was made. */
  readonly areAsked: boolean

  isSame(keys: TicketKeys): boolean {
    return keys.length === this.keys.length && keys.every((key, i) => Buffer.compare(key, this.keys[i]!) === 0)
  }

  make(): Answer {
    const { hmac, aes, name } = this.#secrets[0]!
    return [GOOD, hmac, aes, name, vector()]
  }

  open(name: Uint8Array, iv: Uint8Array): Answer {
    for (const secret of this.#secrets) {
      if (Buffer.compare(secret.name, name) === 0) return [RENEW, secret.hmac, secret.aes, name, iv]
    }
    return nothing
  }
}

function secretOf(key: Uint8Array): Secret {
  return { name: key.subarray(0, PART), hmac: key.subarray(PART, 2 * PART), aes: key.subarray(2 * PART) }
}

/** Node wants bytes in its place, whatever the verdict. */
const nobody = randomBytes(PART)
const nothing: Answer = [NONE, nobody, nobody, nobody, nobody]

/** Random bytes ahead, for many tickets; none is used twice. */
const vectors = Buffer.allocUnsafeSlow(256 * PART)
let used = vectors.length

function vector(): Uint8Array {
  if (used === vectors.length) {
    randomFillSync(vectors)
    used = 0
  }
  return vectors.subarray(used, (used += PART))
}

/** Has the context make and take tickets with the secrets of the worker, as they are at the time. Where Node answersTickets. */
export function shareTickets(context: SecureContext, secrets: () => TicketSecrets): void {
  onTicket(context, (name, iv, makes) => (makes ? secrets().make() : secrets().open(name, iv)))
}

/** Has the context neither make nor take any. Where Node answersTickets. */
export function refuseTickets(context: SecureContext): void {
  onTicket(context, () => nothing)
}

function onTicket(context: SecureContext, answer: NonNullable<NativeContext['onticketkeycallback']>): void {
  const native = context.context as NativeContext
  native.onticketkeycallback = answer
  native.enableTicketKeyCallback!()
}
