// Which certificates the binds serve, from all sources: files of the configuration, folders, the store, and ACME. Workers get
// what has changed, apart from snapshots, so that a certificate can come or go without a reload. What comes and goes is
// supplied by the files beside this one; here it is put together.
import { createHash } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import type { CertificateSource } from '../../config/config-tls.ts'
import type {
  BindCertificates,
  CertificatesChange,
  CertificateSpec,
  Challenges,
  TicketKeys,
  WorkerTls,
} from '../../messages/tls.ts'
import type { TlsMessage } from '../workers.ts'
import { sourceKey, type HeldCertificate } from './types.ts'

export interface KeeperOptions {
  /** To all workers that run. */
  readonly tell: (message: TlsMessage) => void
  readonly ticketKeys: TicketKeys
}

/** What all workers have, or are about to. */
interface Served {
  readonly certificates: ReadonlyMap<string, CertificateSpec>
  readonly binds: ReadonlyMap<string, BindCertificates>
}

export class CertificateKeeper {
  readonly #options: KeeperOptions
  /** By source key: of sources that come and go. */
  readonly #supplied = new Map<string, readonly HeldCertificate[]>()
  readonly #staples = new Map<string, Uint8Array>()
  #challenges: Challenges = { http: {}, tls: {} }
  #ticketKeys: TicketKeys
  #config: Config
  #served: Served

  constructor(config: Config, options: KeeperOptions) {
    this.#options = options
    this.#ticketKeys = options.ticketKeys
    this.#config = config
    this.#served = this.#servedBy(config)
  }

  /** For a worker that starts now. */
  get workerTls(): WorkerTls {
    const { certificates, binds } = this.#served
    return {
      certificates: {
        added: [...certificates.values()],
        removed: [],
        binds: Object.fromEntries(binds),
        staples: Object.fromEntries(this.#staples),
      },
      challenges: this.#challenges,
      ticketKeys: this.#ticketKeys,
    }
  }

  /** What a source has now, in place of what it had. Workers serve it from their next handshake on. */
  supply(source: CertificateSource, certificates: readonly HeldCertificate[]): void {
    this.#supplied.set(sourceKey(source), certificates)
    this.#go(this.#servedBy(this.#config))
  }

  /** @param response DER; null: there is none any more */
  staple(id: string, response: Uint8Array | null): void {
    if (response === null) this.#staples.delete(id)
    else this.#staples.set(id, response)
    this.#tell({ added: [], removed: [], binds: {}, staples: { [id]: response } })
  }

  setChallenges(challenges: Challenges): void {
    this.#challenges = challenges
    this.#options.tell({ type: 'challenges', challenges })
  }

  setTicketKeys(keys: TicketKeys): void {
    this.#ticketKeys = keys
    this.#options.tell({ type: 'ticket-keys', keys })
  }

  /** Before workers go over to a configuration: what its binds serve. What only the one of before needs stays. */
  follow(config: Config): void {
    const next = this.#servedBy(config)
    const change = changeTo(this.#served, next)
    this.#served = {
      certificates: new Map([...this.#served.certificates, ...next.certificates]),
      binds: new Map([...this.#served.binds, ...next.binds]),
    }
    this.#tell({ ...change, removed: [] })
  }

  /** The workers go by this configuration: what no bind needs any more goes. */
  settle(config: Config): void {
    this.#config = config
    this.#go(this.#servedBy(config))
  }

  #go(next: Served): void {
    const change = changeTo(this.#served, next)
    this.#served = next
    this.#tell(change)
  }

  #tell(change: CertificatesChange): void {
    const { added, removed, binds, staples } = change
    const nothing = [added, removed, Object.keys(binds), Object.keys(staples)].every((each) => each.length === 0)
    if (!nothing) this.#options.tell({ type: 'certificates', change })
  }

  #servedBy(config: Config): Served {
    const certificates = new Map<string, CertificateSpec>()
    const binds = new Map<string, BindCertificates>()
    for (const { id, tls } of config.frontends.flatMap((frontend) => frontend.binds)) {
      if (tls === null) continue
      const own = tls.certificates.flatMap((source) => this.#of(source))
      for (const certificate of own) certificates.set(certificate.id, certificate)
      binds.set(id, { ids: own.map((certificate) => certificate.id), canary: null })
    }
    return { certificates, binds }
  }

  #of(source: CertificateSource): readonly CertificateSpec[] {
    if (source.kind !== 'file') return (this.#supplied.get(sourceKey(source)) ?? []).map(({ spec }) => spec)
    const { cert, key, names, keyType } = source.certificate
    return [{ id: idOf(cert, key), cert, key, names, keyType }]
  }
}

function changeTo(before: Served, after: Served): CertificatesChange {
  return {
    added: [...after.certificates.values()].filter(({ id }) => !before.certificates.has(id)),
    removed: [...before.certificates.keys()].filter((id) => !after.certificates.has(id)),
    binds: Object.fromEntries([...after.binds].filter(([id, served]) => !isSame(served, before.binds.get(id)))),
    staples: {},
  }
}

const isSame = (a: BindCertificates, b: BindCertificates | undefined): boolean =>
  b !== undefined && JSON.stringify(a) === JSON.stringify(b)

/** Of certificate and key together; nothing of the key can be told from it. */
export const idOf = (cert: string, key: string): string =>
  createHash('sha256').update(cert).update('\0').update(key).digest('hex').slice(0, 32)
