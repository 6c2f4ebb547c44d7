// Talks to an authority as one account: signed requests (RFC 8555, section 6), nonces, and the account itself. What is ordered
// and how is order.ts. Every request that changes something names a nonce that the authority gave before; where it does
// not take one any more, it gives a new one along with its refusal, and the request is made once more (section 6.5).
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from 'jose'
import type { z } from 'zod'
import type { AcmeConfig } from '../../config/config-tls.ts'
import { AcmeError, refusal, retryTime, typeOf } from './acme-error.ts'
import { shapes, type Directory, type ProblemDocument, type RenewalInfo } from './protocol.ts'
import type { Answer, Transport } from './transport.ts'

/** An account as it is kept. */
export interface Account {
  /** PEM, P-256. Never logged. */
  readonly key: string
  /** null: the authority has not been told of it yet, or not answered. */
  readonly url: string | null
  /** As the authority was told. */
  readonly email: string | null
}

export interface Reply<T> {
  readonly value: T
  /** Of Location; null: none. */
  readonly location: string | null
  /** Milliseconds since the epoch; null: it did not say when to come again. */
  readonly retryAt: number | null
}

type ClientConfig = Pick<AcmeConfig, 'directory' | 'email' | 'eab'>

/** So many in a row are refused by an authority that takes no nonce at all. */
const NONCE_TRIES = 30
const MAX_NONCES = 20
/** How long its directory is taken for what it said. */
const DIRECTORY_AGE = 3_600_000

export class AcmeClient {
  readonly #config: ClientConfig
  readonly #transport: Transport
  readonly #key: KeyObject
  readonly #nonces: string[] = []
  #account: Account
  #directory: { readonly value: Directory; readonly at: number } | null = null
  #jwk: JWK | null = null

  constructor(config: ClientConfig, account: Account, transport: Transport) {
    this.#config = config
    this.#account = account
    this.#transport = transport
    this.#key = createPrivateKey(account.key)
  }

  async directory(signal: AbortSignal): Promise<Directory> {
    const known = this.#directory
    if (known !== null && Date.now() - known.at < DIRECTORY_AGE) return known.value
    const answer = await this.#transport.send('GET', this.#config.directory, null, signal)
    const value = read('show its directory', answer, shapes.directory)
    this.#directory = { value, at: Date.now() }
    return value
  }

  /**
   * Makes sure that the authority knows the account.
   * @returns the account, for whoever keeps it
   */
  async register(signal: AbortSignal): Promise<Account> {
    const { email } = this.#config
    const contact = email === null ? [] : [`mailto:${email}`]
    if (this.#account.url === null) {
      const url = (await this.#findAccount(signal)) ?? (await this.#makeAccount(contact, signal))
      this.#account = { ...this.#account, url, email }
    } else if (this.#account.email !== email) {
      await this.post('change the address of the account', this.#account.url, { contact }, signal)
      this.#account = { ...this.#account, email }
    }
    return this.#account
  }

  /** The authority has lost the account. */
  forgetAccount(): Account {
    this.#account = { ...this.#account, url: null }
    return this.#account
  }

  /** What proves a challenge to be answered by this account (section 8.1). */
  async keyAuthorization(token: string): Promise<string> {
    return `${token}.${await calculateJwkThumbprint(await this.#publicKey())}`
  }

  /** @param payload null: nothing is sent, the resource is read (POST-as-GET, section 6.3) */
  async post(what: string, url: string, payload: object | null, signal: AbortSignal): Promise<Answer> {
    if (this.#account.url === null) throw new AcmeError('The account is not registered')
    return this.#send(what, url, payload, { kid: this.#account.url }, signal)
  }

  async ask<T extends z.ZodType>(
    what: string,
    url: string,
    payload: object | null,
    shape: T,
    signal: AbortSignal,
  ): Promise<Reply<z.output<T>>> {
    const answer = await this.post(what, url, payload, signal)
    const location = one(answer.fields['location'])
    return {
      value: read(what, answer, shape),
      location: location === undefined ? null : new URL(location, url).href,
      retryAt: retryTime(one(answer.fields['retry-after']), Date.now()),
    }
  }

  /**
   * When it would be well to renew a certificate (RFC 9773).
   * @param id x509.ts, renewalIdentifier @returns null: the authority has no opinion on it
   */
  async renewalInfo(id: string, signal: AbortSignal): Promise<Omit<Reply<RenewalInfo>, 'location'> | null> {
    const { renewalInfo } = await this.directory(signal)
    if (renewalInfo === undefined) return null
    const answer = await this.#transport.send('GET', `${renewalInfo.replace(/\/$/, '')}/${id}`, null, signal)
    const value = read('say when to renew', answer, shapes.renewalInfo)
    return { value, retryAt: retryTime(one(answer.fields['retry-after']), Date.now()) }
  }

  /** Of the key that there is: one that was made before the process was killed may be known already (section 7.3.1). */
  async #findAccount(signal: AbortSignal): Promise<string | null> {
    const { newAccount } = await this.directory(signal)
    const what = 'look for the account'
    try {
      const answer = await this.#send(what, newAccount, { onlyReturnExisting: true }, await this.#asKey(), signal)
      return this.#locationOf(answer, newAccount)
    } catch (error) {
      if (error instanceof AcmeError && error.type === 'accountDoesNotExist') return null
      throw error
    }
  }

  async #makeAccount(contact: readonly string[], signal: AbortSignal): Promise<string> {
    const { newAccount, meta } = await this.directory(signal)
    const { eab } = this.#config
    if (meta?.externalAccountRequired === true && eab === null) {
      throw new AcmeError('The authority takes known customers only: it wants a key of theirs (option eab)')
    }
    const payload = {
      termsOfServiceAgreed: true,
      ...(contact.length === 0 ? {} : { contact }),
      ...(eab === null ? {} : { externalAccountBinding: await this.#bind(eab, newAccount) }),
    }
    const answer = await this.#send('make an account', newAccount, payload, await this.#asKey(), signal)
    return this.#locationOf(answer, newAccount)
  }

  #locationOf({ fields }: Answer, url: string): string {
    const location = one(fields['location'])
    if (location === undefined) throw new AcmeError('The authority did not say where the account is')
    return new URL(location, url).href
  }

  /** The public key of the account, signed with the key that the authority gave its customer (section 7.3.4). */
  async #bind({ keyId, key }: NonNullable<AcmeConfig['eab']>, url: string): Promise<object> {
    const payload = Buffer.from(JSON.stringify(await this.#publicKey()))
    return new FlattenedSign(payload).setProtectedHeader({ alg: 'HS256', kid: keyId, url }).sign(key)
  }

  async #send(
    what: string,
    url: string,
    payload: object | null,
    signer: { readonly kid: string } | { readonly jwk: JWK },
    signal: AbortSignal,
  ): Promise<Answer> {
    const bytes = Buffer.from(payload === null ? '' : JSON.stringify(payload))
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonces.pop() ?? (await this.#freshNonce(signal))
      const header = { alg: 'ES256', nonce, url, ...signer }
      const jws = await new FlattenedSign(bytes).setProtectedHeader(header).sign(this.#key)
      const answer = await this.#transport.send('POST', url, JSON.stringify(jws), signal)
      this.#keepNonce(answer)
      if (answer.status < 400) return answer
      const problem = problemOf(answer)
      if (typeOf(problem) === 'badNonce' && tries < NONCE_TRIES) continue
      throw refusal(what, answer.status, problem, retryTime(one(answer.fields['retry-after']), Date.now()))
    }
  }

  #keepNonce({ fields }: Answer): string | undefined {
    const nonce = one(fields['replay-nonce'])
    if (nonce === undefined || !/^[A-Za-z0-9_-]+$/.test(nonce)) return undefined
    // The last one is the first to be used: old ones are forgotten by the authority sooner.
    if (this.#nonces.push(nonce) > MAX_NONCES) this.#nonces.shift()
    return nonce
  }

  async #freshNonce(signal: AbortSignal): Promise<string> {
    const { newNonce } = await this.directory(signal)
    this.#keepNonce(await this.#transport.send('HEAD', newNonce, null, signal))
    const nonce = this.#nonces.pop()
    if (nonce === undefined) throw new AcmeError('The authority gave no nonce')
    return nonce
  }

  async #asKey(): Promise<{ readonly jwk: JWK }> {
    return { jwk: await this.#publicKey() }
  }

  async #publicKey(): Promise<JWK> {
    return (this.#jwk ??= await exportJWK(createPublicKey(this.#key)))
  }
}

function read<T extends z.ZodType>(what: string, answer: Answer, shape: T): z.output<T> {
  if (answer.status >= 300) {
    throw refusal(what, answer.status, problemOf(answer), retryTime(one(answer.fields['retry-after']), Date.now()))
  }
  const found = shape.safeParse(parseJson(answer.body))
  if (found.success) return found.data
  const where = found.error.issues[0]?.path.join('.') ?? ''
  throw new AcmeError(
    `Asked to ${what}, the authority answered what cannot be read${where && `: ${where} is not as it should be`}`,
  )
}

function problemOf({ body }: Answer): ProblemDocument | null {
  const found = shapes.problem.safeParse(parseJson(body))
  return found.success && (found.data.type ?? found.data.detail) !== undefined ? found.data : null
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return null
  }
}

/** Of a field that came more than once, the first. */
export const one = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value
