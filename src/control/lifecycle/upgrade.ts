// A new program in the place of this one, without a connection lost. The new process inherits the listening sockets of all
// workers, so both accept from the same queues for a while:
//
//   this process                                the new one (takeover.ts)
//   starts it, with the sockets          -->    reads the configuration, finds out which servers are up
//                                        <--    tell: is about to serve
//   keys of tickets, tables of sessions  -->    starts its workers on the sockets
//   sessions that change, again and again -->
//   gives up admin and control sockets   <--    ready
//                                        -->    yours: opens admin and control sockets
//   finishes what it has; the last
//   sessions                             -->
//   ends
//
// If the new one ends before it is ready, or is not ready in time, it is gone and nothing has changed. If this one dies in
// between, the new one goes on alone. What they say (upgrade-words.ts) goes over the channel that Node gives a child process,
// which only these two have: neither arguments nor environment nor files have any of the state.
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Handover } from './inherited.ts'
import { StateGiver, type GivenState } from './state-giver.ts'
import { STATE_FORMAT, VARIABLE, type FromNew, type FromOld, type Inheritance } from './upgrade-words.ts'

/** Standard streams, and the channel. */
const FIRST = 4
const READY_WITHIN = 60_000
/** So that whoever asked for it over the control socket has the answer before that is closed. */
const ANSWER_MS = 100
/** Between two looks at what has changed, while both serve. */
const CHANGES_MS = 250
/** For the last words to a new process that may be held up. */
const LAST_WORDS_MS = 2000

export interface UpgradeOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
  /** Listening sockets as they are now; they stay open here. */
  readonly sockets: () => Promise<Handover>
  /** What the new one is told when it asks. */
  readonly state: GivenState
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
  /** The one that has taken over. */
  #successor: ChildProcess | null = null
  /** What it is told, until there is nothing more to tell. */
  #telling: Promise<void> = Promise.resolve()
  readonly #over = new AbortController()

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
    child.on('message', ({ type }: FromNew) => {
      if (type === 'tell') this.#telling = this.#tell(child)
    })
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
    const numbers: Inheritance = {
      state: STATE_FORMAT,
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
    this.#successor = child
    await say(child, { type: 'yours' }).catch(() => {}) // it has died since; systemd or an operator sees to it
    child.unref()
    this.#options.leave(pid)
  }

  /** All state, and then what changes of it. Resolves when there is no more to tell, or nobody who hears it. */
  async #tell(child: ChildProcess): Promise<void> {
    const giver = new StateGiver(this.#options.state, (word) => say(child, word))
    const { signal } = this.#over
    try {
      await giver.all()
      for (let last = false; !last && child.connected;) {
        await pause(CHANGES_MS, null, { signal, ref: false }).catch(() => {})
        last = signal.aborted
        await giver.changes()
      }
    } catch (error) {
      if (child.connected) this.#options.log.error(`the new program is told no more: ${(error as Error).message}`)
    }
  }

  /** Nothing is under way here any more: the new process is told the last of it. */
  async close(): Promise<void> {
    this.#over.abort()
    await Promise.race([this.#telling, pause(LAST_WORDS_MS, null, { ref: false })])
    if (this.#successor?.connected) this.#successor.disconnect()
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
    else if (message.type === 'failed') problems = message.problems
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

/** @throws Error when it cannot be said */
function say(child: ChildProcess, word: FromOld): Promise<void> {
  return new Promise((resolve, reject) => child.send(word, (error) => (error === null ? resolve() : reject(error))))
}
