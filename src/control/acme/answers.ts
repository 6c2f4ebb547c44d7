// What an authority that checks a name finds: for HTTP-01 and TLS-ALPN-01 the workers are told what to answer, for DNS-01 a
// record is made. Each answer is there before the authority is told to look, and is taken away when it has looked.
import { createHash } from 'node:crypto'
import type { AcmeChallenge } from '../../config/config-tls.ts'
import type { Challenges } from '../../messages/tls.ts'
import { challengeCertificate, type CertificateAndKey } from '../certificates/x509.ts'
import { AcmeError } from './acme-error.ts'

export interface Proof {
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
}

/** Whoever can make TXT records. */
export interface Records {
  /** The name at which a record has to be for an authority to find it under this one. @throws Error where it leads nowhere */
  ownerOf(name: string, signal: AbortSignal): Promise<string>
  /** @throws Error with what is wrong */
  add(name: string, value: string, signal: AbortSignal): Promise<void>
  remove(name: string, value: string): Promise<void>
  /** Until an authority may look. */
  settle(records: readonly TxtRecord[], signal: AbortSignal): Promise<void>
}

export interface TxtRecord {
  readonly name: string
  readonly value: string
}

interface AnswersOptions {
  /** To all workers. Resolves when they answer by it. */
  readonly publish: (challenges: Challenges) => Promise<void>
  /** When a record could not be taken away. */
  readonly onLeftOver: (record: TxtRecord, error: Error) => void
}

type Undo = () => Promise<void>
export type OnRecords = (records: readonly TxtRecord[]) => Promise<void>

export class Answers {
  readonly #options: AnswersOptions
  /** By token; a name may be proved for several orders at a time. */
  readonly #http = new Map<string, string>()
  readonly #tls = new Map<string, CertificateAndKey>()
  records: Records | null = null

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /**
   * Resolves when the authority may look.
   * @param onRecords told which records there are before they are made, and of none when they are gone
   * @returns what takes the answers away
   */
  async give(
    challenge: AcmeChallenge,
    proofs: readonly Proof[],
    onRecords: OnRecords,
    signal: AbortSignal,
  ): Promise<Undo> {
    if (proofs.length === 0) return async () => {}
    switch (challenge) {
      case 'http-01':
        for (const { token, keyAuthorization } of proofs) this.#http.set(token, keyAuthorization)
        return this.#tell(() => proofs.forEach(({ token }) => this.#http.delete(token)), signal)
      case 'tls-alpn-01':
        for (const { name, keyAuthorization } of proofs) {
          this.#tls.set(name, await challengeCertificate(name, keyAuthorization))
        }
        return this.#tell(() => proofs.forEach(({ name }) => this.#tls.delete(name)), signal)
      case 'dns-01':
        return this.#makeRecords(proofs.map(recordOf), onRecords, signal)
    }
  }

  /** Records of a process that did not come to it. */
  async takeAway(left: readonly TxtRecord[]): Promise<void> {
    for (const record of left) await this.#remove(record)
  }

  async #remove(record: TxtRecord): Promise<void> {
    const { records } = this
    await records?.remove(record.name, record.value).catch((error: Error) => this.#options.onLeftOver(record, error))
  }

  async #tell(forget: () => void, signal: AbortSignal): Promise<Undo> {
    const undo = async (): Promise<void> => {
      forget()
      await this.#publish()
    }
    try {
      await this.#publish()
      signal.throwIfAborted()
    } catch (error) {
      await undo()
      throw error
    }
    return undo
  }

  #publish(): Promise<void> {
    return this.#options.publish({ http: Object.fromEntries(this.#http), tls: Object.fromEntries(this.#tls) })
  }

  async #makeRecords(asked: readonly TxtRecord[], onRecords: OnRecords, signal: AbortSignal): Promise<Undo> {
    const { records } = this
    if (records === null) throw new AcmeError('There is no way to make records for dns-01 (option dns)')
    // Found out once, so that what is made is taken away again, wherever the name leads to by then.
    const wanted: TxtRecord[] = []
    for (const { name, value } of asked) wanted.push({ name: await records.ownerOf(name, signal), value })
    await using made = new AsyncDisposableStack()
    await onRecords(wanted)
    made.defer(() => onRecords([]))
    for (const record of wanted) {
      made.defer(() => this.#remove(record))
      await records.add(record.name, record.value, signal)
    }
    await records.settle(wanted, signal)
    const undo = made.move()
    return () => undo.disposeAsync()
  }
}

/** RFC 8555, section 8.4; a wildcard is proved by the record of the name that it is below. */
function recordOf({ name, keyAuthorization }: Proof): TxtRecord {
  return {
    name: `_acme-challenge.${name.replace(/^\*\./, '')}`,
    value: createHash('sha256').update(keyAuthorization).digest('base64url'),
  }
}
