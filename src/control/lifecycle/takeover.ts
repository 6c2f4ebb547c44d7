// The new process of an upgrade, as it talks to the old one: what it was given, what it asks for, and when it serves. The whole
// conversation is told in upgrade.ts, which is the old one's side.
import type { Logger } from 'pino'
import type { Handover } from './inherited.ts'
import type { StateTaker } from './state-taker.ts'
import { STATE_FORMAT, VARIABLE, type FromNew, type FromOld, type Inheritance } from './upgrade-words.ts'

/** For the state, in ms. What is not here by then comes while this process serves already. */
const PATIENCE = 2000

export class Takeover {
  readonly handover: Handover
  /** Of the state that the old process can tell. */
  readonly #format: number | undefined
  #alone = false

  private constructor({ state, ...handover }: Inheritance) {
    this.handover = handover
    this.#format = state
    process.once('disconnect', () => (this.#alone = true))
  }

  /** @param env the variable is taken out of it. @returns null when this process takes over from none */
  static from(env: NodeJS.ProcessEnv): Takeover | null {
    const text = env[VARIABLE]
    delete env[VARIABLE]
    return text === undefined || process.send === undefined ? null : new Takeover(JSON.parse(text) as Inheritance)
  }

  /** Asks for what the other process knows. Resolves when it is here, or does not come; it need not. */
  async inherit(taker: StateTaker, log: Logger): Promise<void> {
    if (this.#format !== STATE_FORMAT) {
      const other = this.#format === undefined ? 'tells none' : `has format ${this.#format}, not ${STATE_FORMAT}`
      log.warn(`state of the process before: it ${other}, so sessions in tables and keys of tickets begin anew`)
      return
    }
    if (this.#isAlone) return
    const { promise, resolve } = Promise.withResolvers<string | null>()
    const timer = setTimeout(() => resolve(`has not told its state within ${PATIENCE / 1000} seconds`), PATIENCE)
    process.on('message', (word: FromOld) => {
      if (word.type === 'told') resolve(null)
      else if (word.type !== 'yours') taker.take(word)
    })
    process.once('disconnect', () => {
      resolve('has ended before it told its state')
      taker.end()
    })
    void this.#say({ type: 'tell' })
    const problem = await promise
    clearTimeout(timer)
    if (problem !== null) log.warn(`the process before ${problem}: this one begins with what it has`)
    taker.settle()
  }

  /** We serve. Resolves when the other process has given up what only one can have, or is no more. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isAlone) return resolve()
      const done = (): void => {
        process.off('message', hear).off('disconnect', done)
        resolve()
      }
      const hear = (word: FromOld): void => {
        if (word.type === 'yours') done()
      }
      process.on('message', hear).on('disconnect', done)
      void this.#say({ type: 'ready' })
    })
  }

  /** Why we do not get there. Resolves when it is said. */
  failed(problems: readonly string[]): Promise<void> {
    return this.#say({ type: 'failed', problems })
  }

  get #isAlone(): boolean {
    return this.#alone || !process.connected
  }

  #say(message: FromNew): Promise<void> {
    return new Promise((resolve) => {
      if (process.connected) process.send!(message, undefined, undefined, () => resolve())
      else resolve()
    })
  }
}
