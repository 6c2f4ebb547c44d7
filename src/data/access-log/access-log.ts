// The access log of one worker: lines gather as text and go out in one write per tick, while the next ones gather.
// Every worker writes to the same file or pipe by itself; whole lines in one append keep them apart. Memory is bounded:
// when the target cannot take lines as fast as they come, the newest are dropped and counted, and traffic goes on.
import { closeSync, openSync, write, writeSync } from 'node:fs'
import type { AccessLogSpec } from '../../messages/snapshot.ts'
import { haproxyLine } from './format-haproxy.ts'
import { jsonLine } from './format-json.ts'
import { emptyRecord, type LogRecord } from './record.ts'

const formats = { json: jsonLine, haproxy: haproxyLine } as const satisfies Record<
  AccessLogSpec['format'],
  (record: LogRecord) => string
>

/** Lines that have come together are written before the tick when they are this long. Characters are bytes here. */
const WRITE_SIZE = 65_536
/** What may wait while a write is under way; some 20,000 lines. */
const MAX_WAITING = 4 * 1024 * 1024
const STDOUT = 1
const RETRY_MS = 10

/** Told when lines were lost or the file cannot be opened; at most once per flush. For the process log. */
export type OnProblem = (message: string, fields: { readonly dropped: number; readonly error: string | null }) => void

/** @returns null when there is no access log. @throws like the constructor */
export const openAccessLog = (spec: AccessLogSpec | null, onProblem: OnProblem = () => {}): AccessLog | null =>
  spec === null ? null : new AccessLog(spec, onProblem)

export class AccessLog {
  /** To be filled and passed to `write`; one for all lines, so that none is made per request. */
  readonly record: LogRecord = emptyRecord()
  /** Lines lost since the start. */
  dropped = 0
  readonly #spec: AccessLogSpec
  readonly #line: (record: LogRecord) => string
  readonly #onProblem: OnProblem
  #fd: number
  #waiting = ''
  /** Bytes handed to the kernel, and how many of them it has taken; null: no write is under way. */
  #writing: Buffer | null = null
  #written = 0
  #reopenWanted = false
  #reported = 0
  #error: NodeJS.ErrnoException | null = null
  #closed = false
  #onIdle: (() => void) | null = null

  /** @throws the error of open(2) when a file cannot be opened for appending */
  constructor(spec: AccessLogSpec, onProblem: OnProblem) {
    this.#spec = spec
    this.#line = formats[spec.format]
    this.#onProblem = onProblem
    this.#fd = open(spec.target)
  }

  /** Takes one line; the record may be filled anew at once. */
  write(record: LogRecord): void {
    if (this.#waiting.length >= MAX_WAITING || this.#closed) {
      this.dropped++
      return
    }
    this.#waiting += this.#line(record)
    if (this.#waiting.length >= WRITE_SIZE && this.#writing === null) this.#startWrite()
  }

  /** Once per tick: starts writing what has gathered, and reports what was lost. */
  flush(): void {
    if (this.#writing === null && this.#waiting !== '') this.#startWrite()
    if (this.dropped > this.#reported || this.#error !== null) this.#report('Lines of the access log were lost')
  }

  /** Opens the file anew, after it was renamed by a rotation. Lines that are under way still go to the old one. */
  reopen(): void {
    if (this.#closed || this.#spec.target === 'stdout') return
    if (this.#writing !== null) {
      this.#reopenWanted = true
      return
    }
    this.#reopenWanted = false
    try {
      const fd = open(this.#spec.target)
      closeSync(this.#fd)
      this.#fd = fd
    } catch (error) {
      this.#error = error as NodeJS.ErrnoException
      this.#report('Cannot reopen the access log: lines go to the old file')
    }
  }

  /** The clean end: resolves when all lines have been written. None is taken after that. */
  async close(): Promise<void> {
    while (!this.#closed && (this.#writing !== null || this.#waiting !== '')) {
      if (this.#writing === null) this.#startWrite()
      await new Promise<void>((resolve) => (this.#onIdle = resolve))
    }
    this.closeSync()
  }

  /**
   * The end where nothing can be waited for. Writes what has gathered; a write under way is the kernel's already, and
   * done unless the process is killed in the same instant.
   */
  closeSync(): void {
    if (this.#closed) return
    this.#closed = true
    this.#writeRestSync()
    if (this.dropped > this.#reported || this.#error !== null) this.#report('Lines of the access log were lost')
    if (this.#writing === null && this.#spec.target !== 'stdout') closeSync(this.#fd)
  }

  #startWrite(): void {
    this.#writing = Buffer.from(this.#waiting, 'latin1')
    this.#waiting = ''
    this.#written = 0
    this.#goOn()
  }

  readonly #goOn = (): void => {
    write(this.#fd, this.#writing!, this.#written, this.#writing!.length - this.#written, null, this.#onWritten)
  }

  readonly #onWritten = (error: NodeJS.ErrnoException | null, n: number): void => {
    if (error?.code === 'EAGAIN') {
      setTimeout(this.#goOn, RETRY_MS) // a pipe that does not block, and whose reader is slow
      return
    }
    if (error) this.#lose(this.#writing!.subarray(this.#written), error)
    else {
      this.#written += n
      if (this.#written < this.#writing!.length) {
        this.#goOn()
        return
      }
    }
    this.#writing = null
    if (this.#closed && this.#spec.target !== 'stdout') closeSync(this.#fd)
    else if (this.#reopenWanted) this.reopen()
    if (this.#onIdle !== null) this.#onIdle() // close() goes on
    else if (this.#waiting.length >= WRITE_SIZE) this.#startWrite()
  }

  #writeRestSync(): void {
    let rest: Buffer = Buffer.from(this.#waiting, 'latin1')
    this.#waiting = ''
    for (let tries = 0; rest.length > 0 && tries < 100;) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          this.#lose(rest, error as NodeJS.ErrnoException)
          return
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
        tries++
      }
    }
    this.dropped += linesIn(rest)
  }

  #lose(rest: Buffer, error: NodeJS.ErrnoException): void {
    this.dropped += linesIn(rest)
    this.#error = error
  }

  #report(message: string): void {
    const dropped = this.dropped - this.#reported
    const error = this.#error?.message ?? null
    this.#reported = this.dropped
    this.#error = null
    this.#onProblem(message, { dropped, error })
  }
}

/** Readable by the group, as logs are; never created executable or for all. */
const open = (target: string): number => (target === 'stdout' ? STDOUT : openSync(target, 'a', 0o640))

function linesIn(text: Buffer): number {
  let lines = 0
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) lines++
  return lines
}
