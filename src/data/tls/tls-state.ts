// What all TLS binds of a worker share, and what changes while they serve: certificates, contexts made of them, challenges, keys
// of tickets.
import type { Challenges, TicketKeys, WorkerTls } from '../../messages/tls.ts'
import type { Log } from '../log.ts'
import { CertificateTable } from './certificate-table.ts'
import { ContextCache } from './context-cache.ts'
import { TicketSecrets } from './tickets.ts'

/** Whoever holds contexts. */
export interface TlsWatcher {
  /** Those that it holds are not what they should be any more; new ones are made when asked for. */
  onContextsGone(): void
}

export class TlsState {
  readonly certificates: CertificateTable
  #challenges: Challenges
  /** Those of HTTP-01; null: there is none, so that a request is asked no more than that. */
  httpChallenges: Challenges['http'] | null
  /** Those of TLS-ALPN-01; null: there is none, so that no hello needs to be read. */
  tlsChallenges: Challenges['tls'] | null
  readonly contexts: ContextCache
  #secrets: TicketSecrets
  readonly #watchers = new Set<TlsWatcher>()

  constructor({ certificates, challenges, ticketKeys }: WorkerTls, log: Log) {
    this.contexts = new ContextCache(log, () => this.#secrets)
    this.certificates = new CertificateTable(certificates, (ids) => this.contexts.forget(ids))
    this.#challenges = challenges
    this.httpChallenges = someOf(challenges.http)
    this.tlsChallenges = someOf(challenges.tls)
    this.#secrets = new TicketSecrets(ticketKeys)
  }

  get secrets(): TicketSecrets {
    return this.#secrets
  }

  /** The first is made tickets with. */
  get ticketKeys(): TicketKeys {
    return this.#secrets.keys
  }

  /** From the next ticket on. Contexts that ask for the secret of each ticket stay; the others are made anew. */
  set ticketKeys(keys: TicketKeys) {
    const before = this.#secrets
    this.#secrets = new TicketSecrets(keys)
    if ((before.areAsked && this.#secrets.areAsked) || before.isSame(keys)) return
    this.contexts.clear()
    for (const watcher of this.#watchers) watcher.onContextsGone()
  }

  watch(watcher: TlsWatcher): void {
    this.#watchers.add(watcher)
  }

  unwatch(watcher: TlsWatcher): void {
    this.#watchers.delete(watcher)
  }

  get challenges(): Challenges {
    return this.#challenges
  }

  set challenges(challenges: Challenges) {
    this.#challenges = challenges
    this.httpChallenges = someOf(challenges.http)
    this.tlsChallenges = someOf(challenges.tls)
  }
}

const someOf = <T extends object>(answers: T): T | null => (Object.keys(answers).length === 0 ? null : answers)
