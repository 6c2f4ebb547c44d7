// A manager with nothing around it but an authority: what it would have served and answered is remembered.
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { Config } from '../../../src/config/config.ts'
import type { AcmeConfig, AcmeSource } from '../../../src/config/config-tls.ts'
import type { Pace } from '../../../src/control/acme/job.ts'
import { AcmeManager } from '../../../src/control/acme/manager.ts'
import { sourceKey, type AcmeStatus, type HeldCertificate } from '../../../src/control/certificates/types.ts'
import type { Challenges } from '../../../src/messages/tls.ts'

export const acmeConfig = (directory: string, more: Partial<AcmeConfig> = {}): AcmeConfig => ({
  directory,
  email: null,
  ca: null,
  eab: null,
  dns: null,
  preferredChain: null,
  profile: null,
  ...more,
})

export const acmeSource = (names: readonly string[], more: Partial<AcmeSource> = {}): AcmeSource => ({
  kind: 'acme',
  names,
  challenge: 'http-01',
  keyType: 'ec',
  ...more,
})

/** As much of a configuration as orders follow from. */
export const configOf = (acme: AcmeConfig | null, ...certificates: AcmeSource[]): Config =>
  ({ acme, frontends: [{ binds: [{ tls: { certificates } }] }] }) as unknown as Config

export const quick: Pace = { poll: 10, patience: 5000, backoff: { first: 100, longest: 1000 } }

export interface Stage {
  readonly manager: AcmeManager
  /** By source. */
  readonly supplied: Map<string, readonly HeldCertificate[]>
  readonly challenges: Challenges[]
  /** As JSON lines. */
  readonly log: string[]
  readonly status: () => AcmeStatus
  readonly certificate: (source: AcmeSource) => HeldCertificate | undefined
}

/** @param folder of accounts and orders */
export function makeManager(config: Config, folder: string, pace: Pace = quick): Stage {
  const supplied = new Map<string, readonly HeldCertificate[]>()
  const challenges: Challenges[] = []
  const log: string[] = []
  const manager = new AcmeManager({
    config,
    folder,
    version: '0.0.0',
    pace,
    log: pino({ level: 'debug' }, { write: (line: string) => void log.push(line) }),
    keeper: {
      supplyAll: (supplies) => {
        for (const [source, held] of supplies) supplied.set(sourceKey(source), held)
      },
      setChallenges: async (each) => void challenges.push(each),
    },
  })
  onTestFinished(() => manager.close())
  return {
    manager,
    supplied,
    challenges,
    log,
    status: () => manager.statuses[0]!,
    certificate: (source) => supplied.get(sourceKey(source))?.[0],
  }
}
