// One client of the chaos test's tcp frontend: connects again and again, sends numbered messages, and compares what comes
// back byte for byte with what must. How each connection ended is held against the access log, by the client's port.
import net, { type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { Dice } from '../../src/balance/types.ts'
import { bytesOf, sumOf } from '../support/numbered-bytes.ts'
import type { Line } from './ledger.ts'

const PATIENCE = 15_000

export interface Visit {
  readonly port: number
  /** `ended` and `reset`: by the other side, before all was answered. */
  outcome: 'done' | 'left' | 'ended' | 'reset' | 'stuck'
  /** What came that should not have come; null: nothing. */
  wrong: string | null
}

export class TcpChaosClient {
  readonly visits: Visit[] = []
  readonly #port: number
  readonly #dice: Dice

  constructor(port: number, dice: Dice) {
    this.#port = port
    this.#dice = dice
  }

  async run(going: () => boolean): Promise<void> {
    while (going()) {
      await this.#visit()
      await after(this.#dice.below(80))
    }
  }

  async #visit(): Promise<void> {
    const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    const line = new Wire(socket)
    await line.connected
    const visit: Visit = { port: socket.localPort ?? 0, outcome: 'done', wrong: null }
    if (visit.port === 0) return // reset before it was seen to be there
    this.visits.push(visit)
    for (let left = 1 + this.#dice.below(5); left > 0 && visit.outcome === 'done'; left--) {
      const number = this.#dice.below(1_000_000)
      const body = bytesOf(number, this.#dice.below(this.#dice.below(10) === 0 ? 200_000 : 3000))
      socket.write(Buffer.concat([Buffer.from(`${number} ${body.length}\n`), body]))
      if (this.#dice.below(100) < 5) {
        await after(this.#dice.below(100))
        visit.outcome = 'left'
      } else visit.outcome = await line.answer(`${number} ${sumOf(body)}\n`)
      visit.wrong = line.wrong
    }
    socket.destroy()
  }
}

/** What comes over a connection, and how it ends. */
class Wire {
  /** Resolves in any case. */
  readonly connected: Promise<void>
  wrong: string | null = null
  #text = ''
  #end: 'ended' | 'reset' | null = null
  #wakeUp: () => void = () => {}

  constructor(socket: Socket) {
    const wake = (): void => this.#wakeUp()
    this.connected = new Promise((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
    socket.on('error', () => (this.#end ??= 'reset'))
    socket.on('end', () => (this.#end ??= 'ended')).on('end', wake)
    socket.on('close', () => (this.#end ??= 'ended')).on('close', wake)
    socket.on('data', (bytes: Buffer) => (this.#text += bytes.latin1Slice())).on('data', wake)
  }

  async answer(expected: string): Promise<Visit['outcome']> {
    const until = performance.now() + PATIENCE
    for (;;) {
      if (!expected.startsWith(this.#text)) this.wrong = `"${this.#text.slice(0, 200)}" instead of "${expected}"`
      if (this.#text.length >= expected.length) {
        this.#text = ''
        return 'done'
      }
      if (this.#end !== null) return this.#end
      if (performance.now() > until) return 'stuck'
      const woken = new Promise<void>((resolve) => (this.#wakeUp = resolve))
      await Promise.race([woken, after(500)])
    }
  }
}

/** @param log lines of the tcp frontend. @returns what is wrong */
export function auditVisits(
  visits: readonly Visit[],
  log: readonly (Line & { readonly client_port: number })[],
): string[] {
  const byPort = Map.groupBy(log, (line) => line.client_port)
  const problems: string[] = []
  for (const [port, theirs] of Map.groupBy(visits, (visit) => visit.port)) {
    const lines = byPort.get(port) ?? []
    const words = `tcp port ${port}: ${JSON.stringify(theirs)}, log ${JSON.stringify(lines)}`
    // A client that is reset at once may never learn its own port: such a line carries no byte, and is nobody's.
    const carried = lines.filter(({ bytes_in, bytes_out }) => bytes_in + bytes_out > 0)
    if (lines.length < theirs.length || carried.length > theirs.length) {
      problems.push(`not a line for each connection: ${words}`)
    }
    if (theirs.some(({ wrong, outcome }) => wrong !== null || outcome === 'stuck')) problems.push(words)
    const resets = theirs.filter(({ outcome }) => outcome === 'reset').length
    if (lines.filter(({ reason }) => reason !== '-').length < resets) problems.push(`reset without a reason: ${words}`)
  }
  return problems
}
