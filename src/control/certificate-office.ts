// All that has to do with certificates in one process, put together: the keeper that workers get them from, the store, what looks
// after those that are served, the manager behind `weir cert`, and ACME. Wiring only; the parts are certificates/ and acme/.
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import type { Scoreboard } from '../scoreboard/scoreboard.ts'
import { AcmeManager } from './acme/manager.ts'
import { summarize } from './certificates/catalogue.ts'
import { CertificateKeeper, type KeeperOptions } from './certificates/keeper.ts'
import { CertificateManager } from './certificates/manager.ts'
import { makePlaceholder } from './certificates/placeholder.ts'
import { KeptAnswers } from './certificates/ocsp-kept.ts'
import { CertificateStore } from './certificates/store.ts'
import { TicketKeyring } from './certificates/ticket-keys.ts'
import { CertificateUpkeep } from './certificates/upkeep.ts'
import type { CertificateSummary } from './certificates/types.ts'
import type { Ports } from './workers-types.ts'

export interface OfficeOptions {
  readonly version: string
  readonly config: Config
  /** Folder of the store; null: there is none, and no ACME. */
  readonly folder: string | null
  readonly tell: KeeperOptions['tell']
  readonly tellChallenges: KeeperOptions['tellChallenges']
  readonly board: Scoreboard
  readonly snapshot: () => Snapshot
  readonly ports: () => Ports
  readonly log: Logger
}

export class CertificateOffice {
  readonly keeper: CertificateKeeper
  readonly manager: CertificateManager
  readonly store: CertificateStore
  readonly upkeep: CertificateUpkeep
  readonly ticketKeys: TicketKeyring
  /** Null: there is nowhere to keep what is ordered. */
  readonly acme: AcmeManager | null

  constructor({ version, config, folder, board, snapshot, ports, log, ...workers }: OfficeOptions) {
    const ring = new TicketKeyring({ config: config.global.ticketKeys, log })
    const keeper = new CertificateKeeper(config, { ...workers, ticketKeys: ring.keys, makePlaceholder })
    this.keeper = keeper
    this.ticketKeys = ring
    this.store = new CertificateStore(folder, log)
    const kept = folder === null ? null : new KeptAnswers(join(folder, '.ocsp'), log)
    this.upkeep = new CertificateUpkeep({ keeper, ring, board, snapshot, kept, log })
    this.manager = new CertificateManager({ keeper, store: this.store, canaries: this.upkeep.canaries, ports, log })
    this.acme = folder === null ? null : new AcmeManager({ keeper, config, folder: join(folder, 'acme'), version, log })
  }

  /** Before there are workers: what is on disk is there for their first handshake. @throws Error when it cannot be */
  async open(): Promise<void> {
    await this.manager.open()
    await this.acme?.prepare().catch((error: Error) => {
      throw new Error(`What is ordered from the authority cannot be kept on disk: ${error.message}`)
    })
    await this.upkeep.start()
  }

  /** Workers answer, so that an authority may come and look. @param takesOver what another process wrote last counts */
  async start(takesOver: boolean): Promise<void> {
    if (takesOver) await this.manager.reread()
    this.acme?.start()
  }

  /** Another configuration runs. */
  follow(config: Config): void {
    this.upkeep.follow()
    this.acme?.follow(config)
  }

  /** The process is about to end: what is ordered and what is on trial goes on in the next one, which must be alone with it. */
  leave(): void {
    void this.acme?.close()
    this.upkeep.leave()
  }

  get summary(): CertificateSummary {
    return summarize(this.manager.catalogue, Date.now())
  }

  async close(): Promise<void> {
    this.upkeep.close()
    await this.acme?.close()
    this.manager.close()
  }
}
