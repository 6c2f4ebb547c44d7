// One client of the chaos test: connects again and again, sends requests in every lawful way (one by one, pipelined, with
// bodies of all sizes, in pieces, in chunks), waits for the answers, and sometimes leaves in the middle. What it does
// follows from its dice alone; what it sees goes to the ledger.
import net, { type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { Dice } from '../../src/balance/types.ts'
import { reasons } from '../../src/model/reasons.ts'
import { MAX_BYTES, bytesOf, sumOf } from '../support/numbered-bytes.ts'
import { AnswerReader, type Answer } from './answer-reader.ts'
import type { Ledger, Sent } from './ledger.ts'

/** Longer than anything may take: no answer by then means that the request is lost. */
const PATIENCE = 15_000

export class ChaosClient {
  readonly #port: number
  readonly #dice: Dice
  readonly #ledger: Ledger
  readonly #id: number
  /** Connections that could not be made. */
  refused = 0

  constructor(id: number, port: number, dice: Dice, ledger: Ledger) {
    this.#id = id
    this.#port = port
    this.#dice = dice
    this.#ledger = ledger
  }

  /** Until `going` is false, and to the end of what it has begun then. */
  async run(going: () => boolean): Promise<void> {
    while (going()) {
      const connection = await Connection.open(this.#port, this.#ledger)
      if (connection === null) {
        this.refused++
        await after(50)
        continue
      }
      const rounds = this.#chance(30) ? 1 : 1 + this.#dice.below(20)
      for (let i = 0; i < rounds && connection.usable && going(); i++) {
        await this.#round(connection, i === rounds - 1)
        if (this.#chance(70)) await after(this.#dice.below(60))
      }
      await connection.finish(this.#chance(30))
    }
  }

  /** One request, or some at once. */
  async #round(connection: Connection, last: boolean): Promise<void> {
    const leaves = this.#chance(6)
    const count = this.#chance(15) ? 2 + this.#dice.below(3) : 1
    for (let i = 0; i < count && connection.usable; i++) {
      const sent = this.#draw(count > 1)
      const writing = this.#write(connection, sent, last && i === count - 1 && this.#chance(40))
      if (leaves && this.#chance(50)) return connection.leave(this.#chance(50))
      await writing
    }
    if (!leaves) return connection.settled()
    await Promise.race([connection.settled(), after(this.#dice.below(150))])
    connection.leave(this.#chance(50))
  }

  /** @param small as one of several at once */
  #draw(small: boolean): Sent {
    const method = this.#chance(50) ? 'GET' : this.#chance(50) ? 'POST' : 'PUT'
    return this.#ledger.open({
      method,
      bodyLength: method === 'GET' ? 0 : this.#size(small),
      reply: this.#size(small),
      client: this.#id,
    })
  }

  #size(small: boolean): number {
    const kind = this.#dice.below(100)
    if (kind < 20) return 0
    if (kind < 70 || small) return this.#dice.below(2000)
    if (kind < 95) return this.#dice.below(40_000)
    return this.#dice.below(MAX_BYTES)
  }

  async #write(connection: Connection, sent: Sent, close: boolean): Promise<void> {
    const body = bytesOf(sent.number, sent.bodyLength)
    const chunked = body.length > 0 && this.#chance(30)
    const head =
      `${sent.method} /r/${sent.number}?reply=${sent.reply} HTTP/1.1\r\nHost: chaos.test\r\n` +
      (chunked ? 'Transfer-Encoding: chunked\r\n' : sent.method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`) +
      `${close ? 'Connection: close\r\n' : ''}\r\n`
    connection.expect(sent, close)
    const inPieces = body.length > 1000 && this.#chance(40)
    const size = inPieces ? Math.ceil(body.length / (2 + this.#dice.below(6))) : Math.max(1, body.length)
    if (!inPieces && !chunked) return connection.write(Buffer.concat([Buffer.from(head), body]))
    connection.write(Buffer.from(head))
    for (let at = 0; at < body.length && connection.open; at += size) {
      const piece = body.subarray(at, at + size)
      connection.write(chunked ? inChunk(piece) : piece)
      if (inPieces) await after(this.#dice.below(20))
    }
    if (chunked) connection.write(Buffer.from('0\r\n\r\n'))
  }

  #chance(percent: number): boolean {
    return this.#dice.below(100) < percent
  }
}

const inChunk = (piece: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])

/** A connection, and the requests on it that have not been answered. */
class Connection {
  readonly #socket: Socket
  readonly #ledger: Ledger
  readonly #reader = new AnswerReader()
  readonly #pending: Sent[] = []
  #wakeUp: () => void = () => {}
  /** No further request may be sent. */
  #last = false
  open = true

  private constructor(socket: Socket, ledger: Ledger) {
    this.#socket = socket
    this.#ledger = ledger
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('end', () => this.#over())
    socket.on('close', () => this.#over())
  }

  /** @returns null when the connection could not be made */
  static async open(port: number, ledger: Ledger): Promise<Connection | null> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const made = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.on('error', () => resolve(false))
    })
    return made ? new Connection(socket, ledger) : null
  }

  get usable(): boolean {
    return this.open && !this.#last
  }

  expect(sent: Sent, last: boolean): void {
    this.#pending.push(sent)
    if (last) this.#last = true
  }

  write(bytes: Buffer): void {
    if (this.open) this.#socket.write(bytes)
  }

  /** Until all that was sent is answered or the connection has ended; PATIENCE at most. */
  async settled(): Promise<void> {
    const end = performance.now() + PATIENCE
    while (this.open && this.#pending.length > 0) {
      const left = end - performance.now()
      if (left <= 0) return this.#giveUp()
      const woken = new Promise<void>((resolve) => (this.#wakeUp = resolve))
      await Promise.race([woken, after(Math.min(left, 500))])
    }
  }

  /** What has no answer by now stays without an outcome, which is what the audit looks for. */
  #giveUp(): void {
    this.open = false
    this.#pending.length = 0
    this.#socket.resetAndDestroy()
  }

  /** The client is done with it. @param halfway closes its own side first and waits for the other */
  async finish(halfway: boolean): Promise<void> {
    if (halfway && this.open) {
      this.#socket.end()
      await this.settled()
    }
    this.leave(false)
  }

  leave(reset: boolean): void {
    if (!this.open) return
    this.open = false
    for (const sent of this.#pending.splice(0)) this.#ledger.settle(sent, 'left')
    if (reset) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
    this.#wakeUp()
  }

  #read(bytes: Buffer): void {
    if (!this.open) return
    try {
      for (const answer of this.#reader.read(bytes)) this.#take(answer)
    } catch (error) {
      const [first] = this.#pending
      if (first !== undefined) this.#ledger.wrong(first, (error as Error).message)
      else this.#ledger.problems.push(`nobody asked for this: ${(error as Error).message}`)
      this.#over()
    }
    this.#wakeUp()
  }

  #take(answer: Answer): void {
    const sent = this.#pending.shift()
    if (sent === undefined) {
      this.#ledger.problems.push(`an answer that nobody asked for: ${answer.status} to ${answer.number}`)
      return
    }
    if (answer.close) this.#last = true
    const outcome = answer.number < 0 ? 'weir' : 'server'
    const problem = outcome === 'weir' ? problemOfOwn(answer) : problemOf(sent, answer)
    if (problem !== null) this.#ledger.wrong(sent, problem)
    this.#ledger.settle(sent, outcome, answer.status, answer.reason)
    if (answer.close) this.#behind()
  }

  /** Requests behind the last one that is answered are not looked at. */
  #behind(): void {
    for (const sent of this.#pending.splice(0)) this.#ledger.settle(sent, 'behind')
  }

  /** The other side has ended the connection: what was being answered is broken off, what came behind it was never seen. */
  #over(): void {
    if (!this.open) return
    this.open = false
    const first = this.#pending.shift()
    if (first !== undefined) this.#ledger.settle(first, 'broken')
    this.#behind()
    this.#socket.destroy()
    this.#wakeUp()
  }
}

function problemOfOwn({ reason, status }: Answer): string | null {
  if (reason === null) return `an answer ${status} from nobody`
  if (!(reason in reasons)) return `an unknown reason ${reason}`
  const expected = reasons[reason as keyof typeof reasons].status
  return expected === status ? null : `${reason} with ${status} instead of ${expected}`
}

function problemOf(sent: Sent, { number, sum, status, body }: Answer): string | null {
  if (number !== sent.number) return `got the answer to request ${number}`
  if (status !== 200 && status !== 503) return `got status ${status}`
  if (sum !== sumOf(bytesOf(sent.number, sent.bodyLength))) return `the server got another body: ${sum}`
  return body.equals(bytesOf(number, sent.reply)) ? null : `${body.length} bytes that are not those of the answer`
}
