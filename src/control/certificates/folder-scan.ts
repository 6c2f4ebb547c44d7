// Looks through a folder of certificates and reads what has changed since the last look: NAME.pem with everything in it, or
// NAME.pem or NAME.crt with the key in NAME.key or beside it as NAME.pem.key. A change is told by time, size and inode, so
// that of ten thousand files only the changed ones are read. It waits for the disk, so it belongs on a thread of its own
// (folder-thread.ts).
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readCertificate, type Certificate, type KnownIssuers } from '../../config/certificate.ts'

/** What a file has come to: a certificate, or what is wrong with it. */
export type Found =
  | { readonly file: string; readonly certificate: Certificate }
  | { readonly file: string; readonly problem: string }

/** Files of one certificate. */
export interface Entry {
  readonly file: string
  /** Null: it is in the same file. */
  readonly key: string | null
  /** What the file with its key may be called. */
  readonly keys: readonly string[]
}

/** One part of the files of a folder; with one part, all of them. */
export interface Part {
  readonly index: number
  readonly count: number
}

export class FolderScan {
  readonly #path: string
  readonly #part: Part
  /** By file: another one after every change. */
  #signatures = new Map<string, string>()

  constructor(path: string, part: Part) {
    this.#path = path
    this.#part = part
  }

  /**
   * What has changed, and the files that are gone.
   * @param touched names of files that may have changed; null: any
   * @param emit called with each that has changed
   * @throws the error of the system when the folder cannot be read: nothing is taken for gone then
   */
  look(touched: ReadonlySet<string> | null, emit: (found: Found) => void): readonly string[] {
    const before = this.#signatures
    const after = new Map<string, string>()
    const issuers: KnownIssuers = new Map()
    for (const entry of entriesOf(readdirSync(this.#path))) {
      const { file } = entry
      if (partOf(file, this.#part.count) !== this.#part.index) continue
      const known = before.get(file)
      if (known !== undefined && touched !== null && ![file, ...entry.keys].some((name) => touched.has(name))) {
        after.set(file, known)
        continue
      }
      const signature = this.#signatureOf(entry)
      if (signature === null) continue // gone between two calls
      after.set(file, signature)
      if (signature !== known) emit(this.#read(entry, issuers))
    }
    this.#signatures = after
    return [...before.keys()].filter((file) => !after.has(file))
  }

  #read({ file, key }: Entry, issuers: KnownIssuers): Found {
    try {
      const certPem = readFileSync(join(this.#path, file), 'utf8')
      const keyPem = key === null ? undefined : readFileSync(join(this.#path, key), 'utf8')
      const read = readCertificate({ certPem, keyPem }, issuers)
      return 'problem' in read ? { file, problem: read.problem } : { file, certificate: read }
    } catch (error) {
      return { file, problem: (error as Error).message }
    }
  }

  #signatureOf({ file, key }: Entry): string | null {
    const own = statOf(join(this.#path, file))
    if (own === null || key === null) return own
    return `${own} ${statOf(join(this.#path, key))}`
  }
}

function statOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}`
}

/** The certificates among the names of a folder, in their order. */
export function entriesOf(names: readonly string[]): readonly Entry[] {
  const all = new Set(names)
  return names
    .filter((name) => /\.(pem|crt)$/.test(name) && !name.startsWith('.'))
    .toSorted()
    .map((file) => {
      const keys = [`${file}.key`, file.replace(/\.(pem|crt)$/, '.key')]
      return { file, key: keys.find((key) => all.has(key)) ?? null, keys }
    })
}

/** Always the same one for a name. */
function partOf(name: string, count: number): number {
  let sum = 0
  for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) >>> 0
  return sum % count
}
