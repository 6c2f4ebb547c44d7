// Says so when the file descriptors run out. Nothing else would: when a worker cannot accept for want of one, libuv gives
// up a descriptor that it keeps for this, accepts the connection with it and closes it, so that the listener does not spin;
// the client sees a connection that is closed at once, and Node raises no event. So the table is tried from here: a file
// is opened and closed a few times a second, which fails when there is no descriptor left, in this process or the system.
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { Logger } from 'pino'
import { descriptorLimit } from './limits.ts'

const PERIOD = 250
/** In milliseconds, between two log lines about it; also how long there have to be some before it is over. */
const QUIET = 10_000

/** EMFILE: the limit of the process; ENFILE: that of the system. */
export type Shortage = 'EMFILE' | 'ENFILE'

export interface DescriptorWatchOptions {
  /** Connections from clients that are open now. */
  readonly connections: () => number
  readonly log: Pick<Logger, 'warn' | 'info'>
  /** @returns null while there are descriptors. Another one than that of the system is for tests. */
  readonly probe?: () => Shortage | null
}

export class DescriptorWatch {
  readonly #connections: () => number
  readonly #log: DescriptorWatchOptions['log']
  readonly #probe: () => Shortage | null
  #timer: NodeJS.Timeout | undefined
  /** In milliseconds of performance.now(). */
  #began = 0
  #lastShort = 0
  #lastSaid = -Infinity
  /** Looks since the last line that found none. */
  #times = 0
  #short = false

  constructor({ connections, log, probe = tryOpen }: DescriptorWatchOptions) {
    this.#connections = connections
    this.#log = log
    this.#probe = probe
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(performance.now()), PERIOD).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** @param now performance.now() */
  look(now: number): void {
    const shortage = this.#probe()
    if (shortage !== null) this.#onShortage(shortage, now)
    else if (this.#short && now - this.#lastShort >= QUIET) this.#onEnd()
  }

  #onShortage(shortage: Shortage, now: number): void {
    if (!this.#short) this.#began = now
    this.#short = true
    this.#lastShort = now
    this.#times++
    if (now - this.#lastSaid < QUIET) return
    const connections = this.#connections()
    const limit = descriptorLimit()
    const whose = shortage === 'EMFILE' ? `the limit of ${limit ?? 'unknown'} open files` : 'the limit of the system'
    this.#log.warn(
      { code: shortage, connections, openFiles: limit, times: this.#times, since: Math.round(now - this.#began) },
      `no file descriptors left (${shortage}, ${whose}) with ${connections} connections: new connections are closed, ` +
        'and servers cannot be reached, until some are free; see ulimit -n, LimitNOFILE= and global.max_connections',
    )
    this.#lastSaid = now
    this.#times = 0
  }

  #onEnd(): void {
    this.#short = false
    const span = Math.round(this.#lastShort - this.#began)
    const connections = this.#connections()
    this.#log.info(
      { span, connections, times: this.#times },
      `there are file descriptors again, after ${span} ms without`,
    )
    this.#times = 0
  }
}

function tryOpen(): Shortage | null {
  try {
    closeSync(openSync(devNull, 'r'))
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EMFILE' || code === 'ENFILE' ? code : null
  }
}
