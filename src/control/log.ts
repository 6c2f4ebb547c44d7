// The process log: what Weir does and what happens to it, one JSON object a line (a short form for people on a terminal).
// Requests are not logged here: the access log is the data plane's. Writing never blocks the event loop; what is
// waiting is written out by close(), and as far as possible when the process ends in another way.
import { once } from 'node:events'
import { isatty } from 'node:tty'
import { pino, stdTimeFunctions, type DestinationStream, type Level, type Logger } from 'pino'

export interface LogSpec {
  readonly level: Level
  /** 'stderr', 'stdout' or the path of a file, which is appended to. */
  readonly target: string
}

export interface ProcessLog {
  readonly log: Logger
  /** Opens the file anew, after it was rotated. Standard streams are left alone. */
  readonly reopen: () => void
  /** Resolves when everything is written. Nothing is logged afterwards. */
  readonly close: () => Promise<void>
}

const descriptors: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 }

/** @throws Error when the file cannot be opened */
export async function openLog({ level, target }: LogSpec): Promise<ProcessLog> {
  const fd = descriptors[target]
  const destination = pino.destination({ dest: fd ?? target, sync: false })
  if (fd === undefined) await once(destination, 'ready') // an 'error' rejects
  let broken = false
  destination.on('error', () => (broken = true)) // a full disk or a closed pipe must not end a load balancer
  let reopened: Promise<unknown> = Promise.resolve()
  const flush = (): void => {
    if (!broken) destination.flushSync()
  }
  process.once('exit', flush)
  const lines: DestinationStream = fd !== undefined && isatty(fd) ? humanLines(destination) : destination
  return {
    log: pino(options(level), lines),
    reopen: () => {
      if (fd !== undefined) return
      reopened = once(destination, 'ready').catch(() => {})
      destination.reopen()
    },
    close: async () => {
      await reopened // the destination cannot be ended while it opens a file
      process.removeListener('exit', flush)
      const closed = once(destination, 'close').catch(() => {})
      destination.end()
      await closed
    },
  }
}

const options = (level: Level) => ({
  level,
  base: { pid: process.pid },
  messageKey: 'message',
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
})

/** `12:30:01.250 warn  server app/s1 is down: ...` in place of JSON; fields that the message tells already are left out. */
function humanLines(out: DestinationStream): DestinationStream {
  return { write: (line) => out.write(`${humanLine(line)}\n`) }
}

const colours: Readonly<Record<string, string>> = {
  fatal: '31',
  error: '31',
  warn: '33',
  info: '32',
  debug: '90',
  trace: '90',
}

/** @param line one line of JSON as pino writes it */
export function humanLine(line: string, colour = process.env.NO_COLOR === undefined): string {
  const { level, time, message, err } = JSON.parse(line) as {
    level: string
    time: string
    message: string
    err?: { stack?: string }
  }
  const label = level.padEnd(5)
  const text = `${new Date(time).toTimeString().slice(0, 8)} ${colour ? `\x1b[${colours[level]}m${label}\x1b[0m` : label} ${message}`
  return err?.stack === undefined ? text : `${text}\n${err.stack}`
}
