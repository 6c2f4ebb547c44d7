// Open-loop load: node load.ts PORT RATE SECONDS WARMUP SEED. Requests come at the times of a seeded Poisson process
// whether or not earlier ones are answered, and a latency counts from the time at which the request was due, so that a
// stalled load balancer cannot hide the requests that it kept from being sent (coordinated omission).
// Prints JSON: latencies in ms (failed ones left out, 3000 for what took longer) and the number of failures.
import net from 'node:net'
import { exponential, MEAN_SERVICE, random } from './scenarios.ts'

export interface TailSample {
  readonly latencies: readonly number[]
  /** Answers other than 200, broken connections and timeouts. */
  readonly failed: number
  readonly sent: number
}

const TIMEOUT = 3000
const MOST_CONNECTIONS = 4000
const [port, rate, seconds, warmup, seed] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
const uniform = random(seed)
const idle: Client[] = []
const waiting = new Set<Client>()
const latencies: number[] = []
let failed = 0
let sent = 0
let open = 0

class Client {
  readonly socket: net.Socket
  due = 0
  counted = false
  text = ''

  constructor() {
    open++
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (piece: string) => this.#receive(piece))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      open--
      if (waiting.delete(this)) this.#fail(false)
      const at = idle.indexOf(this)
      if (at >= 0) idle.splice(at, 1)
    })
  }

  send(due: number, counted: boolean): void {
    this.due = due
    this.counted = counted
    this.text = ''
    waiting.add(this)
    const work = Math.max(1, Math.round(exponential(uniform, MEAN_SERVICE) * 1000))
    this.socket.write(`GET /serve/${work} HTTP/1.1\r\nHost: bench\r\n\r\n`)
  }

  /** Answers have a head and a body of two bytes. */
  #receive(piece: string): void {
    this.text += piece
    const end = this.text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(this.text)?.[1] ?? 0)
    if (end < 0 || this.text.length < end + 4 + length || !waiting.delete(this)) return
    if (!this.text.startsWith('HTTP/1.1 200')) this.#fail(false)
    else if (this.counted) latencies.push(performance.now() - this.due)
    if (/connection: close/i.test(this.text)) this.socket.destroy()
    else idle.push(this)
  }

  /** @param slow given up, so that its latency is known to be at least the timeout */
  #fail(slow: boolean): void {
    if (!this.counted) return
    failed++
    if (slow) latencies.push(TIMEOUT)
  }

  giveUp(now: number): void {
    if (now - this.due < TIMEOUT || !waiting.delete(this)) return
    this.#fail(true)
    this.socket.destroy()
  }
}

const start = performance.now()
const end = start + (warmup + seconds) * 1000
let next = start + exponential(uniform, 1000 / rate)

function pump(): void {
  const now = performance.now()
  while (next <= now && next < end) {
    const counted = next >= start + warmup * 1000
    if (counted) sent++
    const client = idle.pop() ?? (open < MOST_CONNECTIONS ? new Client() : null)
    if (client) client.send(next, counted)
    else if (counted) failed++
    next += exponential(uniform, 1000 / rate)
  }
  if (next < end) setTimeout(pump, Math.max(0, next - now))
  else setTimeout(finish, 200)
}

/** Waits for the last answers. */
function finish(): void {
  const now = performance.now()
  for (const client of waiting) client.giveUp(now)
  if (waiting.size > 0) return void setTimeout(finish, 100)
  clearInterval(reaper)
  const sample: TailSample = { latencies: latencies.map((ms) => Math.round(ms * 1000) / 1000), failed, sent }
  process.stdout.write(JSON.stringify(sample), () => process.exit(0))
}

const reaper = setInterval(() => {
  const now = performance.now()
  for (const client of waiting) client.giveUp(now)
}, 100)
pump()
