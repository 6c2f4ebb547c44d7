// Certificates that operators put into a running Weir, on disk: a folder for each name, with a PEM file for each version (leaf,
// chain, key) and an index that says which one is current, who brought it, and when. The last ten versions are kept, so that
// there is a way back. Files take their places by rename, the version before the index that names it: a crash at any moment
// leaves the index of before, and at most a file that no index names, which the next version sweeps away.
//
//   weir.yaml.certificates/           0700
//     www.example.com/
//       index.json                    0600
//       3.pem  4.pem
//     uses.json                       which bind serves which name, by word of an operator
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Certificate } from '../../config/certificate.ts'
import { privateFolder, syncFolder, writeDurably } from './durable-file.ts'
import { factsOf, hold } from './held.ts'
import { Refusal } from './refusal.ts'
import type { CertificateUse, HeldCertificate, TrialWish } from './types.ts'
import {
  FORMAT,
  isPath,
  keptOf,
  readIndex,
  readVersion,
  sweep,
  versionFiles,
  writeIndex,
  type StoredVersion,
} from './version-files.ts'

/** Beside a file it is `weir.yaml.certificates`, beside a folder `weir.d.certificates`. */
export const storePath = (configPath: string): string => `${configPath.replace(/\/+$/, '')}.certificates`

export interface StoredCertificate {
  readonly name: string
  /** Where it stands among those of IAM (`iam-servercertupload -p`): '/' or '/web/eu/'. Names are unique without it. */
  readonly path: string
  /** The version that is current. */
  readonly held: HeldCertificate
  readonly current: number
  /** The version that is tried in its place; null: none is. */
  readonly trial: number | null
  /** How it is tried; null: none is, or nobody knows. */
  readonly terms: TrialWish | null
  /** The oldest first. */
  readonly versions: readonly StoredVersion[]
}

/** Names that have another meaning: a folder and a file of the store, and words in the paths of the control socket. */
const taken = new Set(['acme', 'use', 'uses.json'])

/** @throws Refusal */
export function checkName(name: string): void {
  const expected = 'up to 128 letters, digits and . _ - + = , @, the first of them a letter or a digit'
  if (!/^[A-Za-z0-9][\w.+=,@-]{0,127}$/.test(name))
    throw new Refusal(422, 'bad_name', `${JSON.stringify(name)} is no name`, expected)
  if (taken.has(name)) throw new Refusal(422, 'bad_name', `the name ${name} is Weir's own`, 'another name')
}

/** Of those of IAM. @throws Refusal */
export function checkPath(path: string): void {
  if (isPath(path)) return
  const expected = 'visible ASCII characters between two slashes, or "/" alone'
  throw new Refusal(422, 'bad_path', `${JSON.stringify(path)} is no path`, expected)
}

export class CertificateStore {
  /** Null: Weir has no place to keep any. */
  readonly folder: string | null
  readonly #log: Logger
  readonly #certificates = new Map<string, StoredCertificate>()
  #uses: readonly CertificateUse[] = []

  constructor(folder: string | null, log: Logger) {
    this.folder = folder
    this.#log = log
  }

  get certificates(): readonly StoredCertificate[] {
    return [...this.#certificates.values()]
  }

  get uses(): readonly CertificateUse[] {
    return this.#uses
  }

  get(name: string): StoredCertificate | undefined {
    return this.#certificates.get(name)
  }

  /** Reads what there is. What cannot be read is left alone, and said in the log. */
  async open(): Promise<void> {
    if (this.folder === null) return
    this.#certificates.clear()
    const entries = await readdir(this.folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT')
        this.#log.error({ folder: this.folder }, `cannot read the store of certificates: ${error.message}`)
      return []
    })
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name.startsWith('.') || taken.has(entry.name)) continue
      const stored = await this.#read(entry.name)
      if (stored !== null) this.#certificates.set(entry.name, stored)
    }
    this.#uses = await this.#readUses()
  }

  /**
   * A new version, which is the current one from now on, unless it is on trial beside the one of before.
   * @param trial null: it is not on trial
   * @param path null: the one that it has, or '/'
   * @throws Refusal when it cannot be written: nothing has changed then
   */
  async add(
    name: string,
    certificate: Certificate,
    { by, trial, path }: { readonly by: string; readonly trial: TrialWish | null; readonly path: string | null },
  ) {
    const before = this.#certificates.get(name)
    const folder = await this.#writable(name)
    return this.#writing(async () => {
      const files = await versionFiles(folder)
      const version = Math.max(0, ...files, ...(before?.versions.map((each) => each.version) ?? [])) + 1
      const held = hold(name, 'store', certificate)
      const { fingerprint } = factsOf(held.spec)
      const notAfter = new Date(certificate.notAfter).toISOString()
      const entry: StoredVersion = { version, storedAt: new Date().toISOString(), by, fingerprint, notAfter }
      await writeDurably(join(folder, `${version}.pem`), `${certificate.cert}${certificate.key.trimEnd()}\n`)
      const stays = trial === null ? undefined : before
      const current = stays?.current ?? version
      const versions = keptOf([...(before?.versions ?? []), entry], current)
      const onTrial = stays === undefined ? { trial: null, terms: null } : { trial: version, terms: trial }
      const index = { path: path ?? before?.path ?? '/', current, ...onTrial, versions }
      await writeIndex(folder, index)
      const stored = { name, held: stays?.held ?? held, ...index }
      this.#certificates.set(name, stored)
      await sweep(folder, versions)
      return { stored, added: held, version }
    })
  }

  /** Makes a version that is kept the current one, and ends the trial of another. @throws Refusal when there is none such, or it cannot be read */
  async choose(name: string, version: number): Promise<StoredCertificate> {
    const before = this.#existing(name)
    const held = await this.version(name, version)
    const folder = await this.#writable(name)
    return this.#writing(async () => {
      const index = { path: before.path, current: version, trial: null, terms: null, versions: before.versions }
      await writeIndex(folder, index)
      const stored = { name, held, ...index }
      this.#certificates.set(name, stored)
      return stored
    })
  }

  /** @throws Refusal */
  async version(name: string, version: number): Promise<HeldCertificate> {
    const { versions } = this.#existing(name)
    if (!versions.some((each) => each.version === version)) {
      const expected = `one of ${versions.map((each) => each.version).join(', ')}`
      throw new Refusal(404, 'not_found', `${name} has no version ${version}`, expected)
    }
    const read = await readVersion(join(this.folder!, name), version)
    if (typeof read === 'string')
      throw new Refusal(409, 'unreadable', `version ${version} of ${name} cannot be read: ${read}`)
    return hold(name, 'store', read)
  }

  /** All its versions. @throws Refusal */
  async remove(name: string): Promise<void> {
    this.#existing(name)
    const folder = await this.#writable(name)
    await this.#writing(async () => {
      const gone = join(this.folder!, `.removed-${name}-${process.pid}`)
      await rename(folder, gone) // in one step, whatever happens next
      this.#certificates.delete(name)
      await syncFolder(this.folder!)
      await rm(gone, { recursive: true, force: true })
    })
  }

  /** @throws Refusal when they cannot be written: nothing has changed then */
  async setUses(uses: readonly CertificateUse[]): Promise<void> {
    const root = await this.#root()
    await this.#writing(async () => {
      await writeDurably(join(root, 'uses.json'), `${JSON.stringify({ format: FORMAT, uses }, null, 2)}\n`)
      this.#uses = uses
    })
  }

  #existing(name: string): StoredCertificate {
    const stored = this.#certificates.get(name)
    if (stored === undefined) throw new Refusal(404, 'not_found', `there is no certificate ${name} in the store`)
    return stored
  }

  async #root(): Promise<string> {
    const { folder } = this
    if (folder === null) {
      const expected = 'a configuration file, or global.certificate_store'
      throw new Refusal(409, 'no_store', 'this Weir has no place to keep certificates', expected)
    }
    return this.#writing(() => privateFolder(folder).then(() => folder))
  }

  async #writable(name: string): Promise<string> {
    const folder = join(await this.#root(), name)
    await this.#writing(() => privateFolder(folder))
    return folder
  }

  async #writing<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job()
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw new Refusal(409, 'cannot_write', `the store of certificates cannot be written: ${(error as Error).message}`)
    }
  }

  /** The current version, or the newest that can be read where that one cannot. */
  async #read(name: string): Promise<StoredCertificate | null> {
    const folder = join(this.folder!, name)
    const index = await readIndex(folder)
    if (typeof index === 'string') {
      const hasVersions = (await versionFiles(folder)).length > 0
      if (hasVersions) this.#log.error({ folder }, `the certificate ${name} of the store is left out: ${index}`)
      return null
    }
    const { path, current, trial, terms, versions } = index
    for (const version of [current, ...versions.map((each) => each.version).toReversed()]) {
      const read = await readVersion(folder, version)
      if (typeof read !== 'string')
        return { name, path, held: hold(name, 'store', read), current: version, trial, terms, versions }
      this.#log.error({ folder, version }, `version ${version} of the certificate ${name} cannot be read: ${read}`)
    }
    return null
  }

  async #readUses(): Promise<readonly CertificateUse[]> {
    const path = join(this.folder!, 'uses.json')
    try {
      const { uses } = JSON.parse(await readFile(path, 'utf8')) as { uses: readonly CertificateUse[] }
      return uses.filter(({ bind, name, by, at }) => [bind, name, by, at].every((each) => typeof each === 'string'))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#log.error({ file: path }, `cannot read ${path}: ${message}; going on without`)
      return []
    }
  }
}
