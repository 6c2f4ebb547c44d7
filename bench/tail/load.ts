// Open-loop load: node load.ts PORT RATE SECONDS WARMUP SEED [MEAN [TIMEOUT [PATH]]]. Requests come at the times of a
// seeded Poisson process whether or not earlier ones are answered, and a latency counts from the time at which the request
// was due, so that a stalled load balancer cannot hide the requests that it kept from being sent (coordinated omission).
// MEAN is the work of a request and TIMEOUT the patience of a client, both in ms; with PATH all requests ask for that.
// Prints JSON: latencies in ms (failed ones left out, the timeout for what took longer) and what became of the others.
import net from 'node:net'
import { exponential, MEAN_SERVICE, random } from './scenarios.ts'

export interface TailSample {
  readonly latencies: readonly number[]
  /** Answers other than 200, broken connections and timeouts. */
  readonly failed: number
  readonly sent: number
  /** Sent before that, and counted nowhere else. */
  readonly warmUp: number
  /** Of the failed ones: answers by their status, connections that broke, clients that gave up or got no connection. */
  readonly statuses: Readonly<Record<string, number>>
  readonly broken: number
  readonly gaveUp: number
}

const MOST_CONNECTIONS = 4000
const [port, rate, seconds, warmup, seed, mean = MEAN_SERVICE, timeout = 3000] = process.argv
  .slice(2, 9)
  .map(Number) as [number, number, number, number, number, number?, number?]
const fixedPath = process.argv[9]
const uniform = random(seed)
const idle: Client[] = []
const waiting = new Set<Client>()
const latencies: number[] = []
const statuses: Record<string, number> = {}
let failed = 0
let broken = 0
let gaveUp = 0
let sent = 0
let sentBefore = 0
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
      if (waiting.delete(this)) this.#fail('broken')
      const at = idle.indexOf(this)
      if (at >= 0) idle.splice(at, 1)
    })
  }

  send(due: number, counted: boolean): void {
    this.due = due
    this.counted = counted
    this.text = ''
    waiting.add(this)
    const work = Math.max(1, Math.round(exponential(uniform, mean) * 1000))
    this.socket.write(`GET ${fixedPath ?? `/serve/${work}`} HTTP/1.1\r\nHost: bench\r\n\r\n`)
  }

  /** Answers have a head and a body of two bytes. */
  #receive(piece: string): void {
    this.text += piece
    const end = this.text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(this.text)?.[1] ?? 0)
    if (end < 0 || this.text.length < end + 4 + length || !waiting.delete(this)) return
    if (!this.text.startsWith('HTTP/1.1 200')) this.#fail(this.text.slice(9, 12))
    else if (this.counted) latencies.push(performance.now() - this.due)
    if (/connection: close/i.test(this.text)) this.socket.destroy()
    else idle.push(this)
  }

  /** Of one that was given up the latency is known to be at least the timeout. @param how 'slow', 'broken' or a status */
  #fail(how: string): void {
    if (!this.counted) return
    failed++
    if (how === 'slow') {
      gaveUp++
      latencies.push(timeout)
    } else if (how === 'broken') broken++
    else statuses[how] = (statuses[how] ?? 0) + 1
  }

  giveUp(now: number): void {
    if (now - this.due < timeout || !waiting.delete(this)) return
    this.#fail('slow')
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
    else sentBefore++
    const client = idle.pop() ?? (open < MOST_CONNECTIONS ? new Client() : null)
    if (client) client.send(next, counted)
    else if (counted) {
      failed++
      gaveUp++
    }
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
  const rounded = latencies.map((ms) => Math.round(ms * 1000) / 1000)
  const sample: TailSample = { latencies: rounded, failed, sent, warmUp: sentBefore, statuses, broken, gaveUp }
  process.stdout.write(JSON.stringify(sample), () => process.exit(0))
}

const reaper = setInterval(() => {
  const now = performance.now()
  for (const client of waiting) client.giveUp(now)
}, 100)
pump()
