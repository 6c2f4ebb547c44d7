// What Weir tells the system's supervisor (sd_notify(3)): ready, status, reloading, stopping, another main process, and the
// sign of life that a watchdog waits for. Node has no datagram sockets in the file system, so the program systemd-notify
// sends it; the unit needs NotifyAccess=all for that. Without NOTIFY_SOCKET in the environment nothing is done.
import { execFile } from 'node:child_process'
import type { Logger } from 'pino'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'
import type { WorkerStatus } from '../workers-types.ts'

const PATIENCE_MS = 5000

export class Supervision {
  readonly #env: NodeJS.ProcessEnv
  readonly #log: Logger
  #complained = false
  #timer: NodeJS.Timeout | null = null
  /** One message after the other, so that they arrive in order. */
  #sent: Promise<void> = Promise.resolve()

  constructor(env: NodeJS.ProcessEnv, log: Logger) {
    this.#env = env
    this.#log = log
  }

  get isOn(): boolean {
    return (this.#env.NOTIFY_SOCKET ?? '') !== ''
  }

  ready(status: string): Promise<void> {
    return this.tell('READY=1', `STATUS=${status}`)
  }

  /** To be followed by `ready`, however it goes. */
  reloading(): Promise<void> {
    return this.tell(
      'RELOADING=1',
      `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
      'STATUS=reading the configuration',
    )
  }

  stopping(status: string): Promise<void> {
    return this.tell('STOPPING=1', `STATUS=${status}`)
  }

  /** Another process is the service from now on; this one only finishes what it has. */
  handOver(pid: number): Promise<void> {
    return this.tell(`MAINPID=${pid}`)
  }

  /** Sends assignments as they stand. Resolves when it is done, or when it failed: traffic matters more. */
  tell(...assignments: readonly string[]): Promise<void> {
    if (!this.isOn) return Promise.resolve()
    this.#sent = this.#sent.then(() => this.#send(assignments))
    return this.#sent
  }

  #send(assignments: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      execFile('systemd-notify', assignments, { env: this.#env, timeout: PATIENCE_MS }, (error) => {
        if (error !== null && !this.#complained) {
          this.#complained = true
          this.#log.warn(`cannot tell systemd how things are: ${error.message.trim().split('\n')[0]}`)
        }
        resolve()
      })
    })
  }

  /** Gives a sign of life at half of the time that the watchdog allows, as long as `isAlive` says so. */
  watch(isAlive: () => boolean): void {
    const { WATCHDOG_USEC: allowed, WATCHDOG_PID: forWhom } = this.#env
    const span = Number(allowed) / 1000
    if (!this.isOn || !(span > 0) || (forWhom !== undefined && Number(forWhom) !== process.pid)) return
    let waiting = false
    this.#timer = setInterval(() => {
      if (isAlive()) {
        if (waiting) return
        waiting = true
        void this.tell('WATCHDOG=1').then(() => (waiting = false))
      } else this.#log.error('a worker does not answer: no sign of life for the watchdog')
    }, span / 2).unref()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }
}

/**
 * Whether the event loop of every worker turns: each of them counts its ticks, ten a second, on its row.
 * @returns to be called again and again: false when a worker that takes connections has not ticked since the last call
 */
export function heartbeats(board: Scoreboard, workers: () => readonly WorkerStatus[]): () => boolean {
  let seen = new Map<number, number>()
  return () => {
    const now = new Map<number, number>()
    let alive = true
    for (const { worker, state } of workers()) {
      if (state !== 'listening') continue // the supervisor of the workers looks after those that start
      const beat = board.rows[worker]!.marks.process.beat[0]!
      if (seen.get(worker) === beat) alive = false
      now.set(worker, beat)
    }
    seen = now
    return alive
  }
}
