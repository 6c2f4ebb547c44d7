// A steady load of clients that notice everything: requests on kept and on new connections, WebSockets and tcp connections
// that stay and such that come and go, each in clear or over TLS. What a client must not see is written down in words.
// A connection that the other side ends in order, after an answer that says so, is no problem; it is counted.
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { pause } from '../support/peers.ts'

export interface Target {
  readonly port: number
  readonly host?: string
  readonly tls?: boolean
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** The connection ends behind it. */
  readonly close: boolean
}

/** Longer than any answer may take, in ms. */
const PATIENCE = 30_000
/** Between two requests of one client, in ms: a load that leaves the machine some air. */
const BREATH = 4

/** A connection of a client: what has come, and how it ended. */
export class Wire {
  readonly socket: Socket
  /** What was read and not yet taken. */
  text = ''
  /** 'ended' in order, or a code such as 'ECONNRESET'; null: it is there. */
  end: string | null = null
  #wakeUp: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1').setNoDelay(true)
    socket.on('data', (piece: string) => this.#with(() => (this.text += piece)))
    socket.on('end', () => this.#with(() => (this.end ??= 'ended')))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#with(() => (this.end ??= error.code ?? error.message)))
    socket.on('close', () => this.#with(() => (this.end ??= 'ended')))
  }

  /** @returns words when it could not be made */
  static async open({ port, host = '127.0.0.1', tls: secure = false }: Target): Promise<Wire | string> {
    const socket = secure ? tls.connect({ port, host, rejectUnauthorized: false }) : net.connect({ port, host })
    const wire = new Wire(socket)
    let made = false
    socket.once(secure ? 'secureConnect' : 'connect', () => wire.#with(() => (made = true)))
    await wire.#until(() => made)
    return made ? wire : `no connection: ${wire.end ?? 'too late'}`
  }

  write(text: string): void {
    this.socket.write(text)
  }

  /** A whole answer with a length. @returns words when none came */
  async answer(): Promise<HttpAnswer | string> {
    let found: HttpAnswer | null = null
    await this.#until(() => (found = this.#takeAnswer()) !== null)
    return found ?? `no answer: ${this.end ?? 'too late'}, after "${this.text.slice(0, 200)}"`
  }

  #takeAnswer(): HttpAnswer | null {
    const end = this.text.indexOf('\r\n\r\n')
    if (end < 0) return null
    const head = this.text.slice(0, end + 4)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    if (this.text.length < head.length + length) return null
    const body = this.text.slice(head.length, head.length + length)
    this.text = this.text.slice(head.length + length)
    return { status: Number(head.slice(9, 12)), body, close: /^connection: *close/im.test(head) }
  }

  /** Exactly this text. @returns words when something else came, or nothing */
  async exactly(text: string): Promise<string | null> {
    await this.#until(() => this.text.length >= text.length)
    const problem = this.text === text ? null : `"${this.text.slice(0, 100)}" for "${text}": ${this.end ?? 'too late'}`
    this.text = ''
    return problem
  }

  /** Until the other side has ended it. @returns how; null: it did not in time */
  async over(): Promise<string | null> {
    await this.#until(() => false)
    return this.end
  }

  /** Until it holds, the connection has ended, or patience has. */
  async #until(holds: () => boolean): Promise<void> {
    const last = performance.now() + PATIENCE
    while (!holds() && this.end === null) {
      const left = last - performance.now()
      if (left <= 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wakeUp = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #with(change: () => unknown): void {
    change()
    this.#wakeUp()
  }
}

/** Asks for an upgrade. @returns a connection that echoes, or words */
export async function openWebSocket(target: Target, path = '/ws'): Promise<Wire | string> {
  const wire = await Wire.open(target)
  if (typeof wire === 'string') return wire
  wire.write(`GET ${path} HTTP/1.1\r\nHost: weir.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  const answer = await wire.answer()
  if (typeof answer === 'string') return answer
  return answer.status === 101 ? wire : `status ${answer.status} instead of an upgrade`
}

/** @returns null when all is well, LAST when the connection ends behind it, else words */
type Client = (wire: Wire, n: number) => Promise<string | null>
const LAST = 'last'

export class Load {
  /** What clients saw and should not have, with the time. */
  readonly problems: string[] = []
  /** Answers (http) and echoes, by kind of client. */
  readonly answered: Record<string, number> = {}
  /** Connections that were made, by kind of client. */
  readonly connections: Record<string, number> = {}
  /** Words for what goes on, to be told beside a problem. */
  during = 'the beginning'
  readonly #startedAt = performance.now()
  readonly #running: Promise<void>[] = []
  #going = true

  constructor() {
    onTestFinished(() => this.stop())
  }

  /** Requests one after the other, each client on one connection for as long as that is kept. */
  keepAlive(kind: string, target: Target, clients: number, path = '/'): this {
    const request = `GET ${path} HTTP/1.1\r\nHost: weir.test\r\n\r\n`
    return this.#start(kind, clients, target, Infinity, (wire) => askOn(wire, request))
  }

  /** Requests each on a connection of its own. */
  fresh(kind: string, target: Target, clients: number, path = '/'): this {
    const request = `GET ${path} HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n`
    return this.#start(kind, clients, target, 1, (wire) => askOn(wire, request))
  }

  /** Connections that stay and are spoken on again and again. */
  echo(kind: string, target: Target, clients: number, upgrade = false): this {
    const speak: Client = async (wire, n) => {
      wire.write(`${n} ping\n`)
      return wire.exactly(`${n} ping\n`)
    }
    return this.#start(kind, clients, target, Infinity, speak, upgrade)
  }

  /** Connections that say something once, are answered, and go. */
  visits(kind: string, target: Target, clients: number): this {
    return this.#start(kind, clients, target, 1, async (wire) => {
      wire.write('hello\n')
      return wire.exactly('hello\n')
    })
  }

  /** Until every kind has been answered so many times more. */
  async more(times: number): Promise<void> {
    const before = { ...this.answered }
    const last = performance.now() + PATIENCE
    const missing = (): string[] => Object.keys(before).filter((kind) => this.answered[kind]! < before[kind]! + times)
    while (missing().length > 0 && performance.now() < last) await pause(5)
    if (missing().length > 0) this.#note('all', `nothing more for ${missing().join(', ')}`)
  }

  async stop(): Promise<void> {
    this.#going = false
    await Promise.all(this.#running)
  }

  #start(kind: string, clients: number, target: Target, rounds: number, client: Client, upgrade = false): this {
    this.answered[kind] ??= 0
    this.connections[kind] ??= 0
    for (let i = 0; i < clients; i++) this.#running.push(this.#run(kind, target, rounds, client, upgrade))
    return this
  }

  async #run(kind: string, target: Target, rounds: number, client: Client, upgrade: boolean): Promise<void> {
    while (this.#going) {
      const wire = await (upgrade ? openWebSocket(target) : Wire.open(target))
      if (typeof wire === 'string') {
        this.#note(kind, wire)
        await pause(50)
        continue
      }
      this.connections[kind]!++
      await this.#talk(kind, wire, rounds, client)
      wire.socket.destroy()
      if (rounds === 1) await pause(BREATH)
    }
  }

  async #talk(kind: string, wire: Wire, rounds: number, client: Client): Promise<void> {
    for (let n = 0; n < rounds && this.#going; n++) {
      if (wire.end !== null) return this.#note(kind, `the connection ended between two requests: ${wire.end}`)
      const outcome = await client(wire, n)
      if (outcome !== null && outcome !== LAST) return this.#note(kind, outcome)
      this.answered[kind]!++
      if (outcome === LAST) return
      if (rounds > 1) await pause(BREATH)
    }
  }

  #note(kind: string, words: string): void {
    const at = (performance.now() - this.#startedAt).toFixed(0)
    this.problems.push(`${at} ms, ${kind}, during ${this.during}: ${words}`)
  }
}

async function askOn(wire: Wire, request: string): Promise<string | null> {
  wire.write(request)
  const answer = await wire.answer()
  if (typeof answer === 'string') return answer
  if (answer.status !== 200) return `status ${answer.status}: ${answer.body.slice(0, 200)}`
  return answer.close ? LAST : null
}
