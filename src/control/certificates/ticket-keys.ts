// Keys of TLS session tickets. Either they are made here: one makes tickets until the next one takes its place, two old ones are
// still taken, and the next one goes to workers a step before its turn, so that none of them gets a ticket that it cannot read.
// Or they come from a file that machines share, so that a client may come back to any of them. A key opens the sessions of all
// who came with it: the old ones are thrown away, nothing is written anywhere, and none is ever logged. A process that takes
// over from this one gets them, and goes on in turn (lifecycle/state-giver.ts).
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { TicketKeysConfig } from '../../config/config.ts'
import { readTicketKeys, ticketKeyBytes } from '../../config/secrets.ts'
import type { TicketKeys } from '../../messages/tls.ts'

/** Beside the one that makes tickets and the next. */
const OLD_KEYS = 2
const MOST_BYTES = 64 * 1024
/** How often a file is looked at, in ms. It may lie anywhere, also behind links that are changed as a whole. */
const LOOK_EVERY = 2000

export interface TicketKeyringOptions {
  readonly config: TicketKeysConfig
  readonly log: Logger
}

/** As another process goes on with them. */
export interface TicketKeyState {
  readonly keys: TicketKeys
  /** They are from a file. */
  readonly shared: boolean
  /** Since when the first one makes tickets, in ms. */
  readonly age: number
}

export class TicketKeyring {
  readonly #log: Logger
  #config: TicketKeysConfig
  #keys: TicketKeys
  /** When the first key had its turn; performance.now(). */
  #turned = performance.now()
  /** Of the file, as it was read last; null: there is none, or nothing could be read. Never logged. */
  #text: string | null = null
  /** What was wrong with it, so that it is said once. */
  #problem: string | null = null
  #timer: NodeJS.Timeout | undefined
  #tell: (keys: TicketKeys) => void = () => {}

  /** Has keys at once. A file that is not good is not there yet: keys are made here until it is, and the log says why. */
  constructor({ config, log }: TicketKeyringOptions) {
    this.#config = config
    this.#log = log
    this.#keys = [newKey(), newKey()]
    if (config.file !== null) this.#readNow(config.file)
  }

  /** The first makes tickets; all are taken. */
  get keys(): TicketKeys {
    return this.#keys
  }

  get state(): TicketKeyState {
    return { keys: this.#keys, shared: this.#text !== null, age: performance.now() - this.#turned }
  }

  /**
   * Goes on with the keys of the process before. A file that is read here has the last word; keys of a file that this process
   * has nothing to do with make no tickets here, but those that there are stay good.
   * @returns whether they are taken
   */
  inherit({ keys, shared, age }: TicketKeyState): boolean {
    if (this.#text !== null || keys.length === 0 || keys.some(({ length }) => length !== ticketKeyBytes)) return false
    const alone = shared && this.#config.file === null
    if (!alone) this.#turned = performance.now() - age
    this.#set(alone ? [...this.#keys.slice(0, 2), ...keys.slice(0, OLD_KEYS)] : keys)
    if (this.#timer !== undefined) this.#begin()
    return true
  }

  /** @param tell is given the keys whenever they change */
  start(tell: (keys: TicketKeys) => void): void {
    this.#tell = tell
    this.#begin()
  }

  /** Another configuration, from now on. */
  follow(config: TicketKeysConfig): void {
    const { file, rotation } = this.#config
    if (config.file === file && config.rotation === rotation) return
    this.#config = config
    if (config.file !== file) {
      this.#text = null
      this.#problem = null
      if (config.file === null) {
        this.#turned = performance.now()
        this.#set([newKey(), newKey(), ...this.#keys.slice(0, OLD_KEYS)])
      } else this.#readNow(config.file)
    }
    this.#begin()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The next key has its turn, and there is another next one. */
  rotate(): void {
    const [current, next, ...old] = this.#keys
    this.#turned = performance.now()
    this.#set([next ?? newKey(), newKey(), ...[current!, ...old].slice(0, OLD_KEYS)])
  }

  /** Looks whether the file has changed. Never rejects. */
  async look(): Promise<void> {
    const { file } = this.#config
    if (file === null) return
    let text: string
    try {
      text = await readBounded(file)
    } catch (error) {
      this.#refuse(file, (error as Error).message)
      return
    }
    if (file === this.#config.file) this.#take(file, text)
  }

  #begin(): void {
    this.close()
    const { file, rotation } = this.#config
    if (file !== null) {
      this.#timer = setInterval(() => void this.look(), LOOK_EVERY).unref()
      return
    }
    const turn = (): void => {
      this.rotate()
      this.#begin()
    }
    this.#timer = setTimeout(turn, Math.max(0, this.#turned + rotation - performance.now())).unref()
  }

  #readNow(file: string): void {
    try {
      this.#take(file, readFileSync(file, 'latin1'))
    } catch (error) {
      this.#refuse(file, (error as Error).message)
    }
  }

  #take(file: string, text: string): void {
    if (text === this.#text) return
    const read = readTicketKeys(text)
    if (typeof read === 'string') {
      this.#refuse(file, read)
      return
    }
    this.#text = text
    this.#problem = null
    this.#set(read)
    const count = read.length === 1 ? '1 key' : `${read.length} keys`
    this.#log.info({ path: file, keys: read.length }, `${count} of session tickets are read from ${file}`)
  }

  #refuse(file: string, problem: string): void {
    if (problem === this.#problem) return
    this.#problem = problem
    const meanwhile = this.#text === null ? 'keys made here are used' : 'the keys of before stay'
    this.#log.error({ path: file }, `the keys of session tickets in ${file} cannot be used: ${problem}; ${meanwhile}`)
  }

  #set(keys: TicketKeys): void {
    this.#keys = keys
    this.#tell(keys)
  }
}

const newKey = (): Uint8Array => randomBytes(ticketKeyBytes)

async function readBounded(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES / 1024} KiB`)
    return await file.readFile('latin1')
  } finally {
    await file.close()
  }
}
