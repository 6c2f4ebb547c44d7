// TLS of one bind on one worker: which OpenSSL context a handshake gets, by the name that the client asks for. It follows its
// certificates, their OCSP responses, and the spec of the bind, as they change; handshakes that have begun end as they began.
// The context that a handshake begins with is the default one. Where that serves every name, `choose` is null, and a
// handshake never enters JavaScript for its certificate. OpenSSL chooses between ECDSA and RSA by what the client can verify,
// but only among the certificates of the default context: one that is chosen for a name replaces all of them by a
// single one (Node hands over no more), so that for other names the choice between key types is made here, as it is
// where the answer hangs on which one it is: a staple (RFC 6066, section 8), or a certificate on trial.
import { isDeepStrictEqual } from 'node:util'
import { createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls'
import type { BindSpec } from '../../messages/snapshot.ts'
import type { CanarySpec, CertificateSpec, TlsSpec } from '../../messages/tls.ts'
import type { WorkerContext } from '../context.ts'
import type { AcceptedSocket, Choice, Choose, Client, Terms } from './accept.ts'
import type { BindWatcher } from './certificate-table.ts'
import { candidatesOf, isSame, keyTypes, listOf, NameIndex, type Candidates } from './certificate-choice.ts'
import type { ClientAuth } from './client-auth.ts'
import { ContextRecipe } from './context-recipe.ts'
import type { TlsState, TlsWatcher } from './tls-state.ts'

/** What the TLS of a bind needs to know of its worker. */
export type TlsSurroundings = Pick<WorkerContext, 'tls' | 'dice' | 'log'>

/** @param bind one with TLS */
export const createServerTls = (bind: BindSpec, context: TlsSurroundings): BindTls =>
  new BindTls(bind.id, bind.tls!, context)

const DEFAULT: Choice = { context: null, staple: null, onTrial: false, refused: false }
const REFUSED: Choice = { ...DEFAULT, refused: true }
/** A share is a number of these. */
const SHARES = 1_000_000

export class BindTls implements Terms, BindWatcher, TlsWatcher {
  readonly #bind: string
  readonly #state: TlsState
  readonly #surroundings: TlsSurroundings
  #spec: TlsSpec
  /** Null: OpenSSL takes no context of the spec, and every handshake is refused. */
  #recipe: ContextRecipe | null
  options: TLSSocketOptions = {}
  choose: Choose | null = null

  constructor(bind: string, spec: TlsSpec, surroundings: TlsSurroundings) {
    this.#bind = bind
    this.#spec = spec
    this.#state = surroundings.tls
    this.#surroundings = surroundings
    this.#recipe = this.#recipeFor(spec)
    this.#compile()
    this.#state.certificates.watch(bind, this)
    this.#state.watch(this)
  }

  get clientAuth(): ClientAuth | null {
    return this.#recipe === null ? null : this.#recipe.clientAuth
  }

  /** Goes by another spec of the same bind, from the next handshake on. Certificates keep their contexts where they can. */
  follow(spec: TlsSpec): void {
    if (isDeepStrictEqual(spec, this.#spec)) return
    this.#spec = spec
    this.#recipe = this.#recipeFor(spec)
    this.#compile()
  }

  close(): void {
    this.#state.certificates.unwatch(this.#bind, this)
    this.#state.unwatch(this)
  }

  onCertificates(): void {
    this.#compile()
  }

  onStaples(): void {
    if (this.choose === null) this.#compile() // else they are looked up with each handshake
  }

  onContextsGone(): void {
    this.#compile()
  }

  /** @returns null, and says so: OpenSSL takes it with no certificate whatever. `weir check` has found that before */
  #recipeFor(spec: TlsSpec): ContextRecipe | null {
    try {
      const recipe = new ContextRecipe(spec)
      recipe.make([], () => this.#state.secrets)
      return recipe
    } catch (error) {
      const fields = { bind: this.#bind, error: (error as Error).message }
      this.#surroundings.log('error', 'Cannot set up TLS of a bind: OpenSSL refuses its options', fields)
      return null
    }
  }

  #compile(): void {
    const { certificates, contexts } = this.#state
    const recipe = this.#recipe
    if (recipe === null) {
      this.choose = () => REFUSED
      this.options = optionsOf(emptyContext(), this.#spec.alpn, this)
      return
    }
    const { list, canary } = certificates.of(this.#bind)
    const served = canary === null ? list : list.filter(({ id }) => id !== canary.id)
    const names = new NameIndex(served)
    const isUsable = (certificate: CertificateSpec) => contexts.of(recipe, [certificate]) !== null
    const first = this.#spec.strictSni ? undefined : served.find(isUsable)
    const shown = first === undefined ? [] : usable(names.beside(first), isUsable)
    const secureContext = contexts.of(recipe, shown) ?? emptyContext()
    const single = canary === null && !shown.some(({ id }) => certificates.stapleOf(id) !== null)
    const fallback = shown.length === 0 ? null : candidatesOf(shown)
    this.choose =
      fallback !== null && single && names.isAll(fallback)
        ? null
        : this.#chooser({ recipe, names, fallback, secureContext, trial: trialOf(canary, list) })
    this.options = optionsOf(secureContext, this.#spec.alpn, this)
  }

  #chooser({ recipe, names, fallback, secureContext, trial }: Served): Choose {
    const { certificates, contexts } = this.#state
    const { dice } = this.#surroundings

    const choiceOf = (certificate: CertificateSpec, onTrial: boolean): Choice | null => {
      const context = contexts.of(recipe, [certificate])
      if (context === null) return null
      const staple = certificates.stapleOf(certificate.id)
      return { context: context === secureContext ? null : context, staple, onTrial, refused: false }
    }
    /** One of them in a context of its own; null: OpenSSL takes none of them. */
    const oneOf = (candidates: Candidates, client: Client): Choice | null => {
      for (const certificate of inOrder(candidates, client)) {
        const isDrawn = trial?.replaces === certificate.id && dice.below(SHARES) < trial.shares
        const choice = (isDrawn ? choiceOf(trial.certificate, true) : null) ?? choiceOf(certificate, false)
        if (choice !== null) return choice
      }
      return null
    }
    const shown = fallback === null ? [] : listOf(fallback)
    const matters = ({ id }: CertificateSpec) => trial?.replaces === id || certificates.stapleOf(id) !== null

    return (asked, client) => {
      const found = asked === '' ? null : names.for(asked.toLowerCase())
      if (found !== null && (fallback === null || !isSame(found, fallback))) {
        const choice = oneOf(found, client)
        if (choice !== null) return choice
      }
      if (fallback === null) return REFUSED
      return (shown.some(matters) ? oneOf(fallback, client) : null) ?? DEFAULT
    }
  }
}

/** What a bind serves, and how. */
interface Served {
  readonly recipe: ContextRecipe
  readonly names: NameIndex
  /** In the default context; null: nothing is, because unknown names are refused, or there is no certificate. */
  readonly fallback: Candidates | null
  readonly secureContext: SecureContext
  readonly trial: Trial | null
}

/** A certificate that takes the place of another in some handshakes. */
interface Trial {
  readonly certificate: CertificateSpec
  readonly replaces: string
  /** Of SHARES. */
  readonly shares: number
}

function trialOf(canary: CanarySpec | null, list: readonly CertificateSpec[]): Trial | null {
  const certificate = canary === null ? undefined : list.find(({ id }) => id === canary.id)
  if (canary === null || certificate === undefined) return null
  return { certificate, replaces: canary.replaces, shares: Math.round(canary.share * SHARES) }
}

/** One alone is known to be usable. */
function usable(candidates: Candidates, isUsable: (certificate: CertificateSpec) => boolean): CertificateSpec[] {
  const list = listOf(candidates)
  return list.length === 1 ? list : list.filter(isUsable)
}

/** No certificate: a handshake that begins with it fails, and the client gets the alert `handshake_failure`. */
const emptyContext = (): SecureContext => createSecureContext({ ca: [] })

function optionsOf(
  secureContext: SecureContext,
  alpn: readonly string[],
  { choose, clientAuth }: Pick<BindTls, 'choose' | 'clientAuth'>,
): TLSSocketOptions {
  const options: TLSSocketOptions = { isServer: true, secureContext }
  if (alpn.length > 0) options.ALPNProtocols = wireForm(alpn)
  if (choose !== null) {
    options.SNICallback = function (this: AcceptedSocket, name, done): void {
      this.choice = choose(name, this)
      done(null, this.choice.context ?? undefined)
    }
  }
  if (clientAuth !== null) {
    options.requestCert = true
    options.rejectUnauthorized = clientAuth.spec.mode === 'required' // who shows none is refused by OpenSSL
  }
  return options
}

const prefixes = { ec: 'ECDSA+', other: 'Ed', rsa: 'RSA' } as const

/** Those that the client can verify come first, ECDSA before the others, as the cheapest. */
function inOrder(candidates: Candidates, client: Client): CertificateSpec[] {
  const list = listOf(candidates)
  if (list.length === 1) return list
  const algorithms = client.getSharedSigalgs()
  const verifiable = keyTypes.filter((type) => algorithms.some((algorithm) => algorithm.startsWith(prefixes[type])))
  return [...verifiable.flatMap((type) => candidates[type] ?? []), ...list]
}

/** Protocols as RFC 7301, section 3.1 has them, so that no connection needs to convert them. */
const wireForm = (protocols: readonly string[]): Uint8Array =>
  Buffer.concat(protocols.flatMap((name) => [Buffer.of(name.length), Buffer.from(name, 'latin1')]))
