// Load that notices every failure: node load.ts --port N --clients N --seconds N [--tls] [--fresh]. Each client asks again as
// soon as it is answered, on one connection for as long as the answers let it, or with --fresh on a new one each time.
// A connection that ends behind an answer which said so is no failure; whatever leaves a request without its answer is.
// Prints JSON. Started by runLoad(); in the child it is the main module.
import net, { type Socket } from 'node:net'
import { createHistogram } from 'node:perf_hooks'
import { join } from 'node:path'
import tls from 'node:tls'
import { parseArgs } from 'node:util'
import { pinned, run } from '../process.ts'

export interface ReloadLoad {
  readonly port: number
  readonly tls: boolean
  /** A connection for each request. */
  readonly fresh: boolean
  readonly clients: number
  readonly seconds: number
}

export interface ReloadSample {
  readonly answered: number
  /** Requests without an answer of status 200, by what became of them. */
  readonly failed: Readonly<Record<string, number>>
  /** Connections that ended behind an answer that said so; only without --fresh. */
  readonly moved: number
  readonly seconds: number
  /** Of the answered ones, connecting included where there was something to connect; in ms. */
  readonly p50: number
  readonly p99: number
  readonly longest: number
  /** Longest time in which no client at all was answered, in ms. */
  readonly gap: number
}

/** For one request, in ms: longer than any reload. */
const PATIENCE = 5000

/** @param cores as taskset takes them */
export async function runLoad(
  { port, tls, fresh, clients, seconds }: ReloadLoad,
  cores: string,
): Promise<ReloadSample> {
  const argv = [process.execPath, '--no-warnings', join(import.meta.dirname, 'load.ts')]
  argv.push('--port', String(port), '--clients', String(clients), '--seconds', String(seconds))
  if (tls) argv.push('--tls')
  if (fresh) argv.push('--fresh')
  return JSON.parse(await run(pinned(cores, argv), (seconds + 30) * 1000)) as ReloadSample
}

class Tally {
  answered = 0
  moved = 0
  gap = 0
  readonly failed: Record<string, number> = {}
  readonly times = createHistogram()
  #lastAt = performance.now()

  answer(span: number): void {
    const now = performance.now()
    this.gap = Math.max(this.gap, now - this.#lastAt)
    this.#lastAt = now
    this.answered++
    this.times.record(Math.max(1, Math.round(span * 1e6)))
  }

  fail(how: string): void {
    this.failed[how] = (this.failed[how] ?? 0) + 1
  }
}

interface ClientOptions {
  readonly port: number
  readonly secure: tls.SecureContext | null
  readonly fresh: boolean
  readonly tally: Tally
  readonly going: () => boolean
  readonly onDone: () => void
}

class Client {
  readonly #options: ClientOptions
  readonly #request: string
  #socket: Socket | null = null
  #connected = false
  #text = ''
  /** When the request was due: before the connection, where it had to be made. */
  #since = 0
  #error = ''

  constructor(options: ClientOptions) {
    this.#options = options
    this.#request = `GET /small HTTP/1.1\r\nHost: localhost\r\n${options.fresh ? 'Connection: close\r\n' : ''}\r\n`
    this.#next()
  }

  /** Asks again, or leaves when the time is over. */
  #next(): void {
    if (!this.#options.going()) {
      this.#leave()
      return this.#options.onDone()
    }
    this.#since = performance.now()
    this.#text = ''
    if (this.#socket === null) this.#connect()
    else this.#socket.write(this.#request)
  }

  #connect(): void {
    const { port, secure } = this.#options
    const where = { port, host: '127.0.0.1', noDelay: true }
    const socket = secure
      ? tls.connect({ ...where, secureContext: secure, rejectUnauthorized: false })
      : net.connect(where)
    this.#socket = socket
    this.#connected = false
    this.#error = ''
    socket.setEncoding('latin1')
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.#connected = true
      socket.write(this.#request)
    })
    socket.on('data', (piece: string) => this.#read(piece))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error.code ?? error.message))
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = null
      this.#fail(`${this.#connected ? 'broken off' : 'not connected'}${this.#error === '' ? '' : ` (${this.#error})`}`)
    })
  }

  /** Answers are small and have a length. */
  #read(piece: string): void {
    this.#text += piece
    const end = this.#text.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#text.slice(0, end)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#text.length < end + 4 + length) return
    const closes = /\r\nconnection: *close/i.test(head)
    const { fresh, tally } = this.#options
    if (fresh || closes) this.#leave()
    if (closes && !fresh) tally.moved++
    if (!head.startsWith('HTTP/1.1 200')) {
      const reason = /\r\nx-weir-reason: *(\S+)/i.exec(head)?.[1]
      return this.#fail(`status ${head.slice(9, 12)}${reason === undefined ? '' : ` (${reason})`}`)
    }
    tally.answer(performance.now() - this.#since)
    this.#next()
  }

  #fail(how: string): void {
    this.#options.tally.fail(how)
    setTimeout(() => this.#next(), 10) // else a port that refuses would be asked thousands of times a second
  }

  giveUp(now: number): void {
    if (now - this.#since < PATIENCE || this.#socket === null) return
    this.#leave()
    this.#fail('no answer')
  }

  #leave(): void {
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
  }
}

function main(): void {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { port: text, clients: text, seconds: text, tls: flag, fresh: flag } })
  const tally = new Tally()
  const start = performance.now()
  const end = start + Number(values.seconds) * 1000
  let running = Number(values.clients)
  const secure = tls.createSecureContext({ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' })
  const options: ClientOptions = {
    port: Number(values.port),
    secure: values.tls ? secure : null,
    fresh: values.fresh,
    tally,
    going: () => performance.now() < end,
    onDone: () => {
      if (--running > 0) return
      const { answered, failed, moved, times, gap } = tally
      const [p50, p99, longest] = [times.percentile(50), times.percentile(99), times.max].map((each) => each / 1e6)
      const seconds = (performance.now() - start) / 1000
      process.stdout.write(JSON.stringify({ answered, failed, moved, seconds, p50, p99, longest, gap }), () =>
        process.exit(),
      )
    },
  }
  const clients = Array.from({ length: running }, () => new Client(options))
  setInterval(() => clients.forEach((client) => client.giveUp(performance.now())), 200)
}

if (import.meta.main) main()
