// OCSP answers on disk, for the next start: one file for each certificate that is stapled, as the responder sent it. They are public
// and signed; whoever reads one checks it as if it had just come (ocsp.ts). The folder is `.ocsp` in the store of certificates, where
// no name begins with a dot. A disk that does not take them is no reason to staple nothing: it is said once, and that is all.
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { privateFolder, writeDurably } from './durable-file.ts'

const SUFFIX = '.der'

export class KeptAnswers {
  readonly #folder: string
  readonly #log: Logger
  /** One change after the other, so that what is removed does not come back. */
  #queue: Promise<void> = Promise.resolve()
  #hasFailed = false
  /** Ids of which there is a file, as found when one is asked for first: ten thousand certificates are not looked for one by one. */
  #ids: Promise<Set<string>> | null = null

  /** @param folder absolute; made if need be */
  constructor(folder: string, log: Logger) {
    this.#folder = folder
    this.#log = log
  }

  /** @param id of the certificate @returns DER; null: there is none, or one of more than `most` bytes. Never rejects. */
  async read(id: string, most: number): Promise<Uint8Array | null> {
    if (!(await this.#known()).has(id)) return null
    try {
      await using file = await open(this.#pathOf(id))
      const { size } = await file.stat()
      return size > most ? null : await file.readFile()
    } catch {
      return null
    }
  }

  write(id: string, der: Uint8Array): void {
    this.#change(async () => {
      await privateFolder(this.#folder)
      await writeDurably(this.#pathOf(id), der)
      ;(await this.#known()).add(id)
      this.#hasFailed = false
    })
  }

  remove(id: string): void {
    this.#change(async () => {
      if ((await this.#known()).delete(id)) await rm(this.#pathOf(id), { force: true })
    })
  }

  /** Removes all others, and what a crash has left. */
  retain(ids: ReadonlySet<string>): void {
    this.#change(async () => {
      const names = await readdir(this.#folder).catch(() => [])
      for (const name of names) {
        if (!name.endsWith(SUFFIX) || !ids.has(name.slice(0, -SUFFIX.length)))
          await rm(join(this.#folder, name), { force: true })
      }
    })
  }

  #known(): Promise<Set<string>> {
    return (this.#ids ??= readdir(this.#folder).then(
      (names) => new Set(names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length))),
      () => new Set<string>(),
    ))
  }

  #change(job: () => Promise<void>): void {
    this.#queue = this.#queue.then(job).catch((error: Error) => {
      if (!this.#hasFailed) this.#log.warn({ folder: this.#folder }, `OCSP answers cannot be kept: ${error.message}`)
      this.#hasFailed = true
    })
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}${SUFFIX}`)
  }
}
