// The folders that the configuration names, each watched once however many binds serve it.
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { CertificateFolder } from './folder.ts'
import type { CertificateKeeper } from './keeper.ts'
import { tlsBindsOf } from './served.ts'
import type { FileProblem } from './types.ts'

export class Folders {
  readonly #keeper: CertificateKeeper
  readonly #log: Logger
  readonly #open = new Map<string, CertificateFolder>()

  constructor(keeper: CertificateKeeper, log: Logger) {
    this.#keeper = keeper
    this.#log = log
  }

  /** Reads and watches the folders of a configuration that are not watched yet. */
  async follow(config: Config): Promise<void> {
    for (const path of pathsOf(config)) {
      if (this.#open.has(path)) continue
      const folder = new CertificateFolder(path, {
        onChange: (certificates) => this.#keeper.supply({ kind: 'folder', path }, certificates),
        log: this.#log,
      })
      this.#open.set(path, folder)
      await folder.open()
    }
  }

  /** Those of this configuration alone are watched from now on. */
  retain(config: Config): void {
    const paths = pathsOf(config)
    for (const [path, folder] of this.#open) {
      if (paths.has(path)) continue
      folder.close()
      this.#open.delete(path)
      this.#keeper.supply({ kind: 'folder', path }, [])
    }
  }

  get problems(): readonly FileProblem[] {
    return [...this.#open.values()].flatMap(({ problems }) => problems)
  }

  close(): void {
    for (const folder of this.#open.values()) folder.close()
  }
}

const pathsOf = (config: Config): ReadonlySet<string> =>
  new Set(
    tlsBindsOf(config).flatMap(({ tls }) =>
      tls.certificates.flatMap((each) => (each.kind === 'folder' ? [each.path] : [])),
    ),
  )
