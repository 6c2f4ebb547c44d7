// What is kept on disk of accounts and orders, so that a process that is killed at any moment goes on where it was: an account
// is not made twice, nothing is ordered twice, and what failed is not tried sooner because of a restart. A file for each, in
// the folder `acme` of the store; private keys are in them, so nobody but their owner may read them.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { AcmeSource } from '../../config/config-tls.ts'
import { privateFolder, writeDurably } from '../certificates/durable-file.ts'
import type { Account } from './client.ts'

const moment = z.number().nullable()

const orderedSchema = z.object({
  names: z.array(z.string()),
  directory: z.string(),
  /** PEM; null: there is none yet. */
  certificate: z.object({ cert: z.string(), key: z.string() }).nullable(),
  /** That is under way; its URL is null until the authority has taken it. */
  order: z
    .object({
      url: z.string().nullable(),
      key: z.string(),
      replaces: z.string().nullable(),
      /** That were made in the DNS, and are to be taken away. */
      records: z.array(z.object({ name: z.string(), value: z.string() })),
    })
    .nullable(),
  /** Times in milliseconds since the epoch. */
  renewal: z
    .object({
      at: z.number(),
      /** As the authority suggests; null: it does not. */
      window: z.object({ start: z.number(), end: z.number() }).nullable(),
      askAt: z.number(),
    })
    .nullable(),
  obtainedAt: moment,
  tries: z.number(),
  nextTry: moment,
  lastError: z.string().nullable(),
})

const accountSchema = z.object({
  directory: z.string(),
  key: z.string(),
  url: z.string().nullable(),
  email: z.string().nullable(),
})

/** A certificate that is ordered, and how far that is. */
export type Ordered = Readonly<z.infer<typeof orderedSchema>>

export class KeptFolder {
  readonly #path: string
  #isMade: Promise<void> | null = null

  /** @param path made when something is written */
  constructor(path: string) {
    this.#path = path
  }

  /** @returns null: there is none @throws Error when there is one that cannot be read */
  account(directory: string): Account | null {
    return this.#read(accountFile(directory), accountSchema)
  }

  writeAccount(directory: string, account: Account): Promise<void> {
    return this.#write(accountFile(directory), { directory, ...account })
  }

  /** @returns null: nothing is known of it yet @throws Error when it cannot be read */
  ordered(directory: string, source: AcmeSource): Ordered | null {
    return this.#read(orderedFile(directory, source), orderedSchema)
  }

  writeOrdered(directory: string, source: AcmeSource, ordered: Ordered): Promise<void> {
    return this.#write(orderedFile(directory, source), ordered)
  }

  #read<T extends z.ZodType>(name: string, shape: T): z.output<T> | null {
    const path = join(this.#path, name)
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    try {
      return shape.parse(JSON.parse(text))
    } catch {
      throw new Error(`${path} is damaged: put it right, or take it away`) // what is in it is nobody's business
    }
  }

  async #write(name: string, value: object): Promise<void> {
    await (this.#isMade ??= privateFolder(this.#path))
    await writeDurably(join(this.#path, name), `${JSON.stringify(value, null, 2)}\n`)
  }
}

const shortHash = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16)

const accountFile = (directory: string): string => `account-${new URL(directory).hostname}-${shortHash(directory)}.json`

/** For people, the first name is in it. */
function orderedFile(directory: string, { names, keyType }: AcmeSource): string {
  const name = names[0]!
    .replace('*', '_')
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .slice(0, 100)
  return `order-${name}-${keyType}-${shortHash(directory, keyType, ...names.toSorted())}.json`
}
