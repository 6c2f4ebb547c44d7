// The authority that certificates are ordered from, and our account there. The key of the account is on disk before the
// authority hears of it, or a process that is killed in between would have an account that nobody can use.
import type { AcmeConfig } from '../../config/config-tls.ts'
import { generateKey } from '../certificates/x509.ts'
import { AcmeClient, type Account } from './client.ts'
import type { KeptFolder } from './kept.ts'
import { Transport } from './transport.ts'

export class Authority {
  readonly config: AcmeConfig
  readonly #kept: KeptFolder
  readonly #transport: Transport
  readonly #closing = new AbortController()
  #client: AcmeClient | null = null
  #account: Account | null = null
  #registering: Promise<AcmeClient> | null = null

  /** @param version of Weir, which authorities are told */
  constructor(config: AcmeConfig, kept: KeptFolder, version: string) {
    this.config = config
    this.#kept = kept
    this.#transport = new Transport(config.ca, version)
  }

  /** Has a key for the account on disk. @throws Error when that cannot be */
  async prepare(): Promise<void> {
    const { directory } = this.config
    if (this.#account === null) {
      let account = this.#kept.account(directory)
      if (account === null) {
        account = { key: await generateKey('ec'), url: null, email: null }
        await this.#kept.writeAccount(directory, account)
      }
      this.#account = account
    }
    this.#client ??= new AcmeClient(this.config, this.#account, this.#transport)
  }

  /** Ready to order. @throws AcmeError when the authority does not take the account */
  client(): Promise<AcmeClient> {
    return (this.#registering ??= this.#register().catch((error: unknown) => {
      this.#registering = null
      throw error
    }))
  }

  /** It says that there is no such account: the next who asks for the client makes it anew, with the same key. */
  async forgetAccount(): Promise<void> {
    this.#registering = null
    if (this.#client !== null) await this.#write(this.#client.forgetAccount())
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#transport.close()
  }

  async #register(): Promise<AcmeClient> {
    await this.prepare()
    await this.#write(await this.#client!.register(this.#closing.signal))
    return this.#client!
  }

  async #write(account: Account): Promise<void> {
    const before = this.#account
    this.#account = account
    if (account.url !== before?.url || account.email !== before?.email) {
      await this.#kept.writeAccount(this.config.directory, account)
    }
  }
}
