// A keeper, a store and a manager as the supervisor puts them together, over workers that only remember what they were told.
import { onTestFinished } from 'vitest'
import { readCertificate } from '../../../src/config/certificate.ts'
import type { BindConfig, Config, FrontendConfig } from '../../../src/config/config.ts'
import type { CertificateSource, TlsConfig } from '../../../src/config/config-tls.ts'
import { hold } from '../../../src/control/certificates/held.ts'
import { CertificateKeeper } from '../../../src/control/certificates/keeper.ts'
import { CertificateManager, type PutWish } from '../../../src/control/certificates/manager.ts'
import { CertificateStore } from '../../../src/control/certificates/store.ts'
import type { Canaries, CanaryTrial, HeldCertificate } from '../../../src/control/certificates/types.ts'
import { CertificateTable } from '../../../src/data/tls/certificate-table.ts'
import type { TlsMessage } from '../../../src/control/workers-types.ts'
import type { Wanted } from '../../../src/cli/demo-certificate.ts'
import { makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import { someKeys } from '../../support/tls.ts'
import { memoryLog } from '../health/fixtures.ts'

export const store = (name: string): CertificateSource => ({ kind: 'store', name })
export const folderAt = (path: string): CertificateSource => ({ kind: 'folder', path })

/** A frontend `web` with TLS on port 443, and on 8443 where that is given too; another one, `plain`, without. */
export function configOf(
  first: readonly CertificateSource[],
  second: readonly CertificateSource[] | null = null,
): Config {
  const bind = (port: number, certificates: readonly CertificateSource[]): BindConfig =>
    ({ id: `web/127.0.0.1:${port}`, port, tls: { certificates } as TlsConfig }) as BindConfig
  const binds = second === null ? [bind(443, first)] : [bind(443, first), bind(8443, second)]
  const web = { name: 'web', mode: 'http', backend: 'app', routes: [], binds } as unknown as FrontendConfig
  const plain = { ...web, name: 'plain', binds: [{ ...bind(80, []), id: 'plain/127.0.0.1:80', tls: null }] }
  return { frontends: [web, plain] } as unknown as Config
}

export async function held(name: string, wanted: Wanted): Promise<HeldCertificate> {
  const { cert, key } = await makeCertificate(wanted)
  const read = readCertificate({ certPem: cert, keyPem: key })
  if ('problem' in read) throw new Error(read.problem)
  return hold(name, 'store', read)
}

/** Stands for a worker: it has what it was told, as a worker would. */
export class Worker {
  readonly told: TlsMessage[] = []
  table: CertificateTable | null = null

  tell(message: TlsMessage): void {
    this.told.push(message)
    if (message.type === 'certificates') this.table?.change(structuredClone(message.change))
  }

  /** First names of the certificates that a bind serves, in order. */
  serves(bind = 'web/127.0.0.1:443'): readonly (string | undefined)[] {
    return this.table!.of(bind).list.map(({ names }) => names[0])
  }
}

export interface World {
  readonly worker: Worker
  readonly keeper: CertificateKeeper
  readonly store: CertificateStore
  readonly manager: CertificateManager
  readonly trials: readonly CanaryTrial[]
  /** The lines of the log. */
  readonly said: () => string
}

/** @param folder of the store */
export async function open(config: Config, folder: string | null): Promise<World> {
  const worker = new Worker()
  const keeper = new CertificateKeeper(config, {
    tell: (message) => worker.tell(message),
    tellChallenges: async () => {},
    ticketKeys: someKeys(),
    makePlaceholder: async (names) => ({ ...(await held('placeholder', { names })), kind: 'placeholder' }),
  })
  const { log, lines } = memoryLog()
  const kept = new CertificateStore(folder, log)
  const trials: CanaryTrial[] = []
  const canaries: Canaries = { begin: (trial) => void trials.push(trial), end: () => {} }
  const manager = new CertificateManager({ keeper, store: kept, canaries, ports: () => ({}), log })
  await manager.open()
  onTestFinished(() => manager.close())
  worker.table = new CertificateTable(structuredClone(keeper.workerTls.certificates))
  return {
    worker,
    keeper,
    store: kept,
    manager,
    trials,
    said: () => lines.map((line) => JSON.stringify(line)).join('\n'),
  }
}

export const wishOf = ({ cert, key }: CertificateAndKey, more: Partial<PutWish> = {}): PutWish => ({
  certPem: cert,
  keyPem: key,
  force: false,
  path: null,
  trial: null,
  ...more,
})
