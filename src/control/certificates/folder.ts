// A folder whose certificates are served as they come and go (which files that are is folder-scan.ts). The system says when to
// look (inotify); where it does not, as on network file systems, the folder is looked through every ten seconds, less often
// when that takes long. A file that cannot be used leaves what was served in its place, and says why, once for each change.
import { watch, type FSWatcher } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { validityAt, type Certificate } from '../../config/certificate.ts'
import { FolderReader, type Seen } from './folder-reader.ts'
import { entriesOf, type Found } from './folder-scan.ts'
import { hold } from './held.ts'
import type { FileProblem, HeldCertificate } from './types.ts'

/** In ms. Files are mostly written in several steps; after the last one they are taken for whole. */
const SETTLED = 100
/** Past this, a folder that never rests is looked through all the same. */
const SETTLED_AT_LAST = 2000
const RESCAN = 10_000
/** A look that took a second is repeated after a hundred. */
const RESCAN_SHARE = 100

/** What has been made of a file. */
interface Known {
  readonly held: HeldCertificate | null
  readonly problem: FileProblem | null
}

export interface FolderOptions {
  /** Called with all of them, in the order of their names, when any has changed. */
  readonly onChange: (certificates: readonly HeldCertificate[]) => void
  readonly log: Logger
}

export class CertificateFolder {
  readonly path: string
  readonly #options: FolderOptions
  readonly #reader: FolderReader
  /** By the names of the files, in their order. */
  #known: ReadonlyMap<string, Known> = new Map()
  /** Names that the system has told of; null: all are to be looked at. */
  #touched: Set<string> | null = new Set()
  #watcher: FSWatcher | null = null
  #settling: NodeJS.Timeout | undefined
  #settlingSince = 0
  #rescan: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #unreadable = ''

  constructor(path: string, options: FolderOptions) {
    this.path = path
    this.#options = options
    this.#reader = new FolderReader(path)
  }

  /** Reads all of it, and watches it from now on. */
  open(): Promise<void> {
    this.#watch()
    return this.#look(null)
  }

  get certificates(): readonly HeldCertificate[] {
    return [...this.#known.values()].map(({ held }) => held).filter((held) => held !== null)
  }

  get problems(): readonly FileProblem[] {
    return [...this.#known.values()].map(({ problem }) => problem).filter((problem) => problem !== null)
  }

  close(): void {
    clearTimeout(this.#settling)
    clearTimeout(this.#rescan)
    this.#watcher?.close()
    this.#reader.close()
  }

  #watch(): void {
    if (this.#watcher !== null || this.#reader.closed) return
    try {
      const watcher = watch(this.path, { persistent: false }, (_, name) => this.#onEvent(name))
      this.#watcher = watcher
      watcher.on('error', () => {
        watcher.close()
        if (this.#watcher === watcher) this.#watcher = null // the next look without cause tries again
      })
    } catch {} // so too
  }

  #onEvent(name: string | null): void {
    if (name === null || !/\.(pem|crt|key)$/.test(name)) this.#touched = null // a link to another folder, for instance
    else this.#touched?.add(name)
    const now = performance.now()
    if (this.#settling === undefined) this.#settlingSince = now
    clearTimeout(this.#settling)
    const wait = Math.max(0, Math.min(SETTLED, this.#settlingSince + SETTLED_AT_LAST - now))
    this.#settling = setTimeout(() => {
      this.#settling = undefined
      const touched = this.#touched
      this.#touched = new Set()
      void this.#look(touched)
    }, wait).unref()
  }

  /** One look after the other. @param touched names of files that may have changed; null: any */
  #look(touched: ReadonlySet<string> | null): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      if (this.#reader.closed) return
      const startedAt = performance.now()
      const isFirst = this.#known.size === 0
      const files = isFirst ? entriesOf(await readdir(this.path).catch(() => [])).length : this.#known.size
      const seen = await this.#reader.look(touched, files).catch((error: Error) => error)
      if (this.#reader.closed) return
      this.#take(seen)
      clearTimeout(this.#rescan)
      const again = Math.max(RESCAN, (performance.now() - startedAt) * RESCAN_SHARE)
      this.#rescan = setTimeout(() => {
        this.#watch()
        void this.#look(null)
      }, again).unref()
    })
    return this.#looking
  }

  #take(seen: Seen | Error): void {
    const { log, onChange } = this.#options
    if (seen instanceof Error) {
      const words = `cannot read ${this.path}: ${seen.message}; its certificates stay`
      if (this.#unreadable !== seen.message) log.error({ folder: this.path }, words)
      this.#unreadable = seen.message
      return
    }
    this.#unreadable = ''
    const before = this.#known
    const after = new Map(before)
    for (const file of seen.gone) after.delete(file)
    for (const found of seen.found) after.set(found.file, this.#knownOf(found, before.get(found.file)?.held ?? null))
    this.#known = after.size === before.size ? after : new Map([...after].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    this.#tell(before)
    if (isOther(before, this.#known)) onChange(this.certificates)
  }

  #knownOf(found: Found, old: HeldCertificate | null): Known {
    const path = join(this.path, found.file)
    const problem = 'problem' in found ? found.problem : problemOf(found.certificate, old)
    if (problem !== null) {
      return { held: old, problem: { path, problem, servesOld: old !== null, since: new Date().toISOString() } }
    }
    const held = hold(path, 'folder', (found as Extract<Found, { certificate: unknown }>).certificate)
    return { held: held.spec.id === old?.spec.id ? old : held, problem: null }
  }

  /** What has become of the files. */
  #tell(before: ReadonlyMap<string, Known>): void {
    const { log } = this.#options
    for (const [file, { problem }] of this.#known) {
      if (problem === null || problem === before.get(file)?.problem) continue
      const words = problem.servesOld ? 'what it was before is served still' : 'it is not served'
      log.warn({ file: problem.path }, `cannot use ${problem.path}: ${problem.problem} (${words})`)
    }
    const good = [...this.#known].filter(([file, { held }]) => held !== null && held !== before.get(file)?.held)
    const added = good.filter(([file]) => !before.has(file)).map(([file]) => file)
    const changed = good.filter(([file]) => before.has(file)).map(([file]) => file)
    const removed = [...before.keys()].filter((file) => !this.#known.has(file))
    const words = [counted('new', added), counted('changed', changed), counted('gone', removed)]
    const said = words.filter((each) => each !== '').join('; ')
    const fields = { folder: this.path, added: added.length, changed: changed.length, removed: removed.length }
    if (said !== '') log.info(fields, `certificates of ${this.path}: ${said}`)
  }
}

/** A file that was good is not given up for a certificate that no client accepts. */
function problemOf(certificate: Certificate, old: HeldCertificate | null): string | null {
  const now = Date.now()
  const validity = validityAt(certificate, now)
  if (validity === 'valid' || old === null || now > old.notAfter) return null
  return validity === 'expired' ? 'The certificate has expired.' : 'The certificate is not yet valid.'
}

/** '3 new (a.pem, b.pem, c.pem)' */
function counted(word: string, files: readonly string[]): string {
  if (files.length === 0) return ''
  return `${files.length} ${word} (${files.slice(0, 5).join(', ')}${files.length > 5 ? ', ...' : ''})`
}

const isOther = (before: ReadonlyMap<string, Known>, after: ReadonlyMap<string, Known>): boolean =>
  before.size !== after.size || [...after].some(([file, { held }]) => held !== (before.get(file)?.held ?? null))
