// The process log: what Weir does and what happens to it, one JSON object a line (a short form for people on a terminal).
// Requests are not logged here: the access log is the data plane's. Writing never blocks the event loop; what is
// waiting is written out by close(), and as far as possible when the process ends in another way. Level and target can
// change while it is in use: there is one logger for the life of the process, and where its lines go is looked up with each.
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { isatty } from 'node:tty'
import { pino, stdTimeFunctions, type DestinationStream, type Level, type Logger } from 'pino'
import { stays, type Readied } from './reload/all-or-nothing.ts'

export interface LogSpec {
  readonly level: Level
  /** 'stderr', 'stdout' or the path of a file, which is appended to. */
  readonly target: string
}

export interface ProcessLog {
  readonly log: Logger
  /** Makes another level and target ready. @throws Error with words for the operator when the file cannot be opened */
  readonly prepare: (spec: LogSpec) => Promise<Readied>
  /** Opens the file anew, after it was rotated. Standard streams are left alone. */
  readonly reopen: () => void
  /** Resolves when everything is written. Nothing is logged afterwards. */
  readonly close: () => Promise<void>
}

/** @throws Error with words for the operator when the file cannot be opened */
export async function openLog(spec: LogSpec): Promise<ProcessLog> {
  let current = spec
  let outlet = await openOutlet(spec.target)
  /** Of outlets that another has taken the place of. */
  const ends = new Set<Promise<void>>()
  const flush = (): void => outlet.flush()
  process.once('exit', flush)
  const lines = { write: (line: string) => outlet.write(line), flushSync: flush } // pino flushes behind a fatal line
  const log = pino(options(spec.level), lines)

  function goOver(next: LogSpec, to: Outlet | null): void {
    log.level = next.level
    current = next
    if (to === null) return
    const end = outlet.close()
    ends.add(end)
    void end.finally(() => ends.delete(end))
    outlet = to
  }
  return {
    log,
    prepare: async (next) => {
      if (next.level === current.level && next.target === current.target) return stays
      const to = next.target === current.target ? null : await openOutlet(next.target)
      return { commit: () => goOver(next, to), abandon: async () => to?.close() }
    },
    reopen: () => outlet.reopen(),
    close: async () => {
      process.removeListener('exit', flush)
      await Promise.all([...ends, outlet.close()])
    },
  }
}

/** Where lines go. */
interface Outlet {
  write(line: string): void
  /** Writes what is waiting, at once. */
  flush(): void
  reopen(): void
  /** Resolves when everything is written. */
  close(): Promise<void>
}

const descriptors: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 }

/** @throws Error with words for the operator when the file cannot be opened */
async function openOutlet(target: string): Promise<Outlet> {
  const fd = descriptors[target]
  if (fd === undefined) await tryToOpen(target)
  const destination = pino.destination({ dest: fd ?? target, sync: false })
  let broken = false
  destination.on('error', () => (broken = true)) // a full disk or a closed pipe must not end a load balancer
  if (fd === undefined) await once(destination, 'ready')
  let reopened: Promise<unknown> = Promise.resolve()
  const lines: DestinationStream = fd !== undefined && isatty(fd) ? humanLines(destination) : destination
  return {
    write: (line) => lines.write(line),
    flush: () => {
      if (!broken) destination.flushSync()
    },
    reopen: () => {
      if (fd !== undefined) return
      reopened = once(destination, 'ready').catch(() => {})
      destination.reopen()
    },
    close: async () => {
      await reopened // the destination cannot be ended while it opens a file
      const closed = once(destination, 'close').catch(() => {})
      destination.end()
      await closed
    },
  }
}

/** Before there is a destination: one that could not open its file cannot be closed either, and throws when the process ends. */
async function tryToOpen(path: string): Promise<void> {
  try {
    await (await open(path, 'a')).close()
  } catch (error) {
    throw new Error(`cannot open the process log: ${(error as Error).message}`, { cause: error })
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
