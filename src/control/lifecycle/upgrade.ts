// A new program in the place of this one, without a connection lost. The new process inherits the listening sockets of all
// workers, so both accept from the same queues for a while:
//
//   this process                                the new one
//   starts it, with the sockets          -->    reads the configuration, finds out which servers are up,
//                                               starts its workers on the sockets
//   gives up admin and control sockets   <--    ready
//                                        -->    yours: opens admin and control sockets
//   finishes what it has, and ends
//
// If the new one ends before it is ready, or is not ready in time, it is gone and nothing has changed. If this one dies in
// between, the new one goes on alone. What they say goes over the channel that Node gives a child process.
import { spawn, type ChildProcess } from 'node:child_process'
import type { Logger } from 'pino'
import type { Handover } from './inherited.ts'

/** Descriptors by bind id, as JSON. */
const VARIABLE = 'WEIR_LISTEN_FDS'
/** Standard streams, and the channel. */
const FIRST = 4
const READY_WITHIN = 60_000
/** So that whoever asked for it over the control socket has the answer before that is closed. */
const ANSWER_MS = 100

type FromNew = { readonly type: 'ready' } | { readonly type: 'failed'; readonly problems: readonly string[] }
interface FromOld {
  readonly type: 'yours'
}

export interface UpgradeOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
  /** Listening sockets as they are now; they stay open here. */
  readonly sockets: () => Promise<Handover>
  /** Gives up what only one process can have. */
  readonly giveUp: () => Promise<void>
  /** The other one is the service now: finishes what is under way, and ends. */
  readonly leave: (successor: number) => void
  readonly log: Logger
}

/** How this program was started: by its installed name where that is known, for that may be another version by now. */
export function ownCommand(): readonly [string, ...string[]] {
  const { WEIR_PROGRAM: program = '' } = process.env
  const args = process.argv.slice(2)
  return program === '' ? [process.execPath, ...process.execArgv, process.argv[1]!, ...args] : [program, ...args]
}

export class Upgrade {
  readonly #options: UpgradeOptions
  #child: ChildProcess | null = null

  constructor(options: UpgradeOptions) {
    this.#options = options
  }

  /**
   * @param who for the log
   * @returns when the new process serves
   * @throws Error when there is one under way, or when the new program cannot take over: nothing has changed then
   */
  async start(who: string): Promise<{ readonly pid: number }> {
    const { log, sockets } = this.#options
    if (this.#child !== null) throw new Error('an upgrade is under way already')
    if (process.pid === 1)
      throw new Error('this process is the first of its container, which would end with it: start a new container')
    const handover = await sockets()
    const child = this.#spawn(handover)
    this.#child = child
    log.info({ by: who, child: child.pid }, `upgrade by ${who}: starting ${this.#options.command[0]}`)
    try {
      await isReady(child)
    } catch (error) {
      this.abort()
      log.error({ by: who }, `upgrade failed, this process goes on: ${(error as Error).message}`)
      throw error
    }
    const pid = child.pid!
    log.info({ by: who, successor: pid }, `upgrade: process ${pid} serves now`)
    setTimeout(() => void this.#finish(child, pid), ANSWER_MS)
    return { pid }
  }

  #spawn({ sockets, activated }: Handover): ChildProcess {
    const fds: number[] = []
    const numbered = (fd: number): number => FIRST + fds.push(fd) - 1
    const numbers: Handover = {
      sockets: Object.fromEntries(Object.entries(sockets).map(([bind, those]) => [bind, those.map(numbered)])),
      activated: Object.fromEntries(Object.entries(activated).map(([bind, fd]) => [bind, numbered(fd)])),
    }
    const env: NodeJS.ProcessEnv = { ...process.env, [VARIABLE]: JSON.stringify(numbers) }
    delete env.WATCHDOG_PID // the new one is the one to be watched
    const [program, ...args] = this.#options.command
    return spawn(program, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...fds], env })
  }

  async #finish(child: ChildProcess, pid: number): Promise<void> {
    this.#child = null
    await this.#options.giveUp().catch((error: Error) => this.#options.log.error(error.message))
    const word: FromOld = { type: 'yours' }
    if (child.connected) child.send(word, () => child.disconnect())
    child.unref()
    this.#options.leave(pid)
  }

  /** Ends a new process that has not taken over yet. */
  abort(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }
}

/** @throws Error with the reason why the new process does not get there */
function isReady(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let problems: readonly string[] = []
  child.on('message', (message: FromNew) => {
    if (message.type === 'ready') resolve()
    else problems = message.problems
  })
  child.on('error', (error) => reject(new Error(`the new program cannot be started: ${error.message}`)))
  child.on('exit', (code, signal) => {
    const over = (): void => {
      const why = problems.length === 0 ? '' : `: ${problems.join('; ')}`
      reject(new Error(`the new program ended with ${signal ?? `exit code ${code}`}${why}`))
    }
    if (child.connected) child.once('disconnect', over) // behind the last of its words
    else over()
  })
  const late = (): void => reject(new Error(`the new program was not ready within ${READY_WITHIN / 1000} seconds`))
  const timer = setTimeout(late, READY_WITHIN)
  return promise.finally(() => clearTimeout(timer))
}

/** The side of the new process. */
export class Takeover {
  readonly handover: Handover
  #alone = false

  private constructor(handover: Handover) {
    this.handover = handover
    process.once('disconnect', () => (this.#alone = true))
  }

  /** @param env the variable is taken out of it. @returns null when this process takes over from none */
  static from(env: NodeJS.ProcessEnv): Takeover | null {
    const text = env[VARIABLE]
    delete env[VARIABLE]
    return text === undefined || process.send === undefined ? null : new Takeover(JSON.parse(text) as Handover)
  }

  /** We serve. Resolves when the other process has given up what only one can have, or is no more. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#alone || !process.connected) return resolve()
      const done = (): void => {
        process.off('message', done).off('disconnect', done)
        resolve()
      }
      process.on('message', done).on('disconnect', done)
      void this.#say({ type: 'ready' })
    })
  }

  /** Why we do not get there. Resolves when it is said. */
  failed(problems: readonly string[]): Promise<void> {
    return this.#say({ type: 'failed', problems })
  }

  #say(message: FromNew): Promise<void> {
    return new Promise((resolve) => {
      if (process.connected) process.send!(message, undefined, undefined, () => resolve())
      else resolve()
    })
  }
}
