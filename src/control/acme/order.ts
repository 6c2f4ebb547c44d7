// One order, from what is wanted to the chain of certificates (RFC 8555, section 7.4). Every step asks the authority first how
// far the order is, so that one which was left half-way goes on from there: the order is known by its URL, which its owner
// keeps before anything else is done with it.
import { setTimeout as pause } from 'node:timers/promises'
import type { AcmeChallenge } from '../../config/config-tls.ts'
import { certificateRequest } from '../certificates/x509.ts'
import { AcmeError, wordsOf } from './acme-error.ts'
import type { Answers, OnRecords } from './answers.ts'
import { alternates, chooseChain, topOf } from './chain.ts'
import type { AcmeClient, Reply } from './client.ts'
import { shapes, type Authorization, type Challenge, type Order } from './protocol.ts'

export interface Wish {
  readonly names: readonly string[]
  readonly challenge: AcmeChallenge
  /** Of the certificate; PEM. Never logged. */
  readonly key: string
  /** URL of an order that was made before; null: there is none. */
  readonly order: string | null
  /** Certificate that this one takes the place of (RFC 9773, section 5); null: of none, or nobody knows. */
  readonly replaces: string | null
  readonly profile: string | null
  readonly preferredChain: string | null
  /** Keeps the URL of the order; nothing goes on before it has. */
  readonly onOrder: (url: string) => Promise<void>
  /** Keeps which records there are in the DNS. */
  readonly onRecords: OnRecords
}

export interface Rhythm {
  /** Between two looks at what the authority does, unless it says when to look again. */
  readonly poll: number
  /** The longest that an authority is looked at without any change. */
  readonly patience: number
}

/** The longest that an authority may have us wait between two looks at an order. */
const LONGEST_POLL = 60_000

/** Talks about one order. @throws AcmeError */
export class OrderWork {
  readonly #client: AcmeClient
  readonly #answers: Answers
  readonly #rhythm: Rhythm
  readonly #signal: AbortSignal

  constructor(client: AcmeClient, answers: Answers, rhythm: Rhythm, signal: AbortSignal) {
    this.#client = client
    this.#answers = answers
    this.#rhythm = rhythm
    this.#signal = signal
  }

  /** @returns PEM, leaf first */
  async obtain(wish: Wish): Promise<string> {
    const url = wish.order ?? (await this.#place(wish))
    let order = (await this.#look(url)).value
    if (order.status === 'pending') {
      await this.#prove(wish, order)
      order = await this.#until(url, ({ status }) => status !== 'pending')
    }
    if (order.status === 'ready') {
      const csr = certificateRequest(wish.names, wish.key).toString('base64url')
      await this.#client.ask('sign the certificate', order.finalize, { csr }, shapes.order, this.#signal)
      order = await this.#until(url, ({ status }) => status === 'valid' || status === 'invalid')
    }
    if (order.status === 'processing') {
      order = await this.#until(url, ({ status }) => status === 'valid' || status === 'invalid')
    }
    if (order.status !== 'valid' || order.certificate === undefined) {
      const why = order.error === undefined ? `it is ${order.status}` : wordsOf(order.error)
      throw new AcmeError(`The authority will not complete the order: ${why}`, { isFinal: true })
    }
    return this.#download(order.certificate, wish.preferredChain)
  }

  async #place(wish: Wish): Promise<string> {
    const { newOrder, meta } = await this.#client.directory(this.#signal)
    const { names, profile, replaces } = wish
    if (profile !== null && meta?.profiles?.[profile] === undefined) {
      const known = Object.keys(meta?.profiles ?? {}).join(', ')
      throw new AcmeError(`The authority has no profile ${profile}: it has ${known === '' ? 'none' : known}`)
    }
    const identifiers = names.map((value) => ({ type: 'dns', value }))
    const asked = { identifiers, ...(profile === null ? {} : { profile }) }
    const place = (more: object): Promise<Reply<Order>> =>
      this.#client.ask('take the order', newOrder, { ...asked, ...more }, shapes.order, this.#signal)
    const { location } = await place(replaces === null ? {} : { replaces }).catch((error: unknown) => {
      // Somebody has renewed it already, or the authority does not know it: an order of its own will do.
      if (replaces === null || !(error instanceof AcmeError) || !isOfReplacing(error)) throw error
      return place({})
    })
    if (location === null) throw new AcmeError('The authority did not say where the order is')
    await wish.onOrder(location)
    return location
  }

  /** Proves each name that is not proved yet, all of them at a time. */
  async #prove(wish: Wish, order: Order): Promise<void> {
    const open: { url: string; challenge: Challenge & { url: string; token: string }; name: string }[] = []
    for (const url of order.authorizations) {
      const { value } = await this.#client.ask('show an authorization', url, null, shapes.authorization, this.#signal)
      if (value.status === 'pending') open.push({ url, ...challengeOf(value, wish.challenge) })
      else if (value.status !== 'valid') throw failed(value)
    }
    await using answered = new AsyncDisposableStack()
    const proofs = await Promise.all(
      open.map(async ({ name, challenge: { token } }) => ({
        name,
        token,
        keyAuthorization: await this.#client.keyAuthorization(token),
      })),
    )
    answered.defer(await this.#answers.give(wish.challenge, proofs, wish.onRecords, this.#signal))
    for (const { challenge } of open) {
      if (challenge.status !== 'pending') continue // it was told before, and looks already
      await this.#client.post('look at the answer', challenge.url, {}, this.#signal)
    }
    for (const { url } of open) await this.#proved(url)
  }

  async #proved(url: string): Promise<void> {
    const end = performance.now() + this.#rhythm.patience
    for (;;) {
      const { value, retryAt } = await this.#client.ask(
        'show an authorization',
        url,
        null,
        shapes.authorization,
        this.#signal,
      )
      if (value.status === 'valid') return
      if (value.status !== 'pending') throw failed(value)
      await this.#wait(retryAt, end, `look at ${value.identifier.value}`)
    }
  }

  async #until(url: string, isThere: (order: Order) => boolean): Promise<Order> {
    const end = performance.now() + this.#rhythm.patience
    for (;;) {
      const { value, retryAt } = await this.#look(url)
      if (isThere(value)) return value
      await this.#wait(retryAt, end, 'go on with the order')
    }
  }

  #look(url: string): Promise<Reply<Order>> {
    return this.#client.ask('show the order', url, null, shapes.order, this.#signal)
  }

  async #wait(retryAt: number | null, end: number, what: string): Promise<void> {
    if (performance.now() > end) {
      throw new AcmeError(`The authority took longer than ${this.#rhythm.patience} ms to ${what}`)
    }
    const asTold = retryAt === null ? this.#rhythm.poll : retryAt - Date.now()
    await pause(Math.min(Math.max(asTold, this.#rhythm.poll), LONGEST_POLL), undefined, { signal: this.#signal })
  }

  async #download(url: string, preferred: string | null): Promise<string> {
    const first = await this.#client.post('hand out the certificate', url, null, this.#signal)
    const chains = [first.body.toString('latin1')]
    if (preferred !== null && topOf(chains[0]!) !== preferred) {
      for (const other of alternates(first.fields['link'], url)) {
        chains.push(
          (await this.#client.post('hand out another chain', other, null, this.#signal)).body.toString('latin1'),
        )
      }
    }
    return chooseChain(chains, preferred)
  }
}

const isOfReplacing = ({ type, message }: AcmeError): boolean =>
  type === 'alreadyReplaced' || (type === 'malformed' && /replac/i.test(message))

function challengeOf(authorization: Authorization, type: AcmeChallenge) {
  const { challenges, identifier } = authorization
  const challenge = challenges.find((each) => each.type === type)
  if (challenge?.token === undefined || challenge.url === undefined) {
    const offered = challenges.map((each) => each.type).join(', ')
    throw new AcmeError(`The authority does not offer ${type} for ${identifier.value}, but ${offered}`, {
      isFinal: true,
    })
  }
  return { name: identifier.value, challenge: { ...challenge, url: challenge.url, token: challenge.token } }
}

function failed({ status, identifier, challenges }: Authorization): AcmeError {
  const problem = challenges.find(({ error }) => error !== undefined)?.error
  const why = problem === undefined ? `it is ${status}` : wordsOf(problem)
  return new AcmeError(`The authority could not see that ${identifier.value} is ours: ${why}`, { isFinal: true })
}
