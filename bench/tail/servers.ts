// The servers behind, in one process: node servers.ts SCENARIO SEED SECONDS FAULT-FROM PORT... A server for each port.
// Each shares its cores among the requests that it has (processor sharing): with n requests on 4 cores each goes forward
// at speed * min(1, 4 / n). A request says in its path how much work it is: /serve/MICROSECONDS. Time is reckoned exactly;
// only the answer leaves up to a millisecond late, because that is what timers can do.
// The clock of the scenario starts with the first request, but for /ready, which is answered at once, and /counted, which
// says how many requests the server has had until now.
import net from 'node:net'
import { CORES, exponential, findScenario, random, type TailScenario } from './scenarios.ts'

const [name, seedText, secondsText, faultText, ...ports] = process.argv.slice(2)
const scenario = findScenario(name!)
const seed = Number(seedText)
const span = Number(secondsText) * 1000
const faultFrom = Number(faultText) * 1000
const STALL = 500
const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const FAILED = Buffer.from('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno')

let startedAt = 0

/** Requests in service, by the mark on the server's meter of work at which they are done. */
class Farm {
  readonly speed: number
  /** Times of freezes, ms from the start, ascending. */
  readonly stalls: readonly number[]
  readonly failing: number
  readonly thrashAbove: number
  readonly uniform: () => number
  counted = 0
  meter = 0
  meterAt = 0
  readonly jobs: { mark: number; socket: net.Socket }[] = []

  constructor({ speeds, failing, failingServers, thrashAbove, stallEvery }: TailScenario, index: number) {
    this.speed = speeds[index]!
    this.failing = index < failingServers ? failing : 0
    this.thrashAbove = thrashAbove
    this.uniform = random(seed * 1000 + index)
    this.stalls = stallEvery === 0 ? [] : stallTimes(this.uniform, stallEvery)
  }

  /** How fast each request goes forward. */
  rate(): number {
    const inside = this.jobs.length
    const thrashing = this.thrashAbove > 0 && inside > this.thrashAbove ? this.thrashAbove / inside : 1
    return this.speed * thrashing * Math.min(1, CORES / inside)
  }

  /** The end of the freeze at this time; 0: none. */
  frozenUntil(now: number): number {
    const stall = this.stalls.find((at) => now >= at && now < at + STALL)
    return stall === undefined ? 0 : stall + STALL
  }

  /** Lets the meter run to `now`, and answers what is done on the way. */
  advance(now: number): void {
    while (this.jobs.length > 0) {
      const thaw = this.frozenUntil(this.meterAt)
      if (thaw > 0) {
        this.meterAt = Math.min(thaw, now)
        if (this.meterAt >= now) return
        continue
      }
      const freeze = this.stalls.find((at) => at > this.meterAt) ?? Infinity
      const until = Math.min(now, freeze)
      const done = this.meterAt + (this.jobs[0]!.mark - this.meter) / this.rate()
      if (done <= until) {
        this.meter = this.jobs[0]!.mark
        this.meterAt = done
        this.jobs.shift()!.socket.write(OK)
        continue
      }
      this.meter += (until - this.meterAt) * this.rate()
      this.meterAt = until
      if (until >= now) return
    }
    this.meterAt = now
  }

  add(now: number, work: number, socket: net.Socket): void {
    this.advance(now)
    const mark = this.meter + work
    let at = this.jobs.length
    while (at > 0 && this.jobs[at - 1]!.mark > mark) at--
    this.jobs.splice(at, 0, { mark, socket })
  }

  /** ms until something is done; Infinity: nothing to do. */
  next(now: number): number {
    if (this.jobs.length === 0) return Infinity
    const thaw = this.frozenUntil(now)
    if (thaw > 0) return thaw - now
    return this.meterAt + (this.jobs[0]!.mark - this.meter) / this.rate() - now
  }
}

function stallTimes(uniform: () => number, every: number): number[] {
  const times: number[] = []
  for (let at = exponential(uniform, every); at < span; at += STALL + exponential(uniform, every)) times.push(at)
  return times
}

const farms = ports.map((_, index) => new Farm(scenario, index))
let timer: NodeJS.Timeout | null = null
let wakeAt = Infinity

const clock = (): number => performance.now() - startedAt

function schedule(now: number): void {
  const wait = Math.min(...farms.map((farm) => farm.next(now)))
  if (wait === Infinity || (timer !== null && wakeAt <= now + wait)) return
  if (timer !== null) clearTimeout(timer)
  wakeAt = now + wait
  timer = setTimeout(wake, Math.max(0, wait))
}

function wake(): void {
  timer = null
  wakeAt = Infinity
  const now = clock()
  for (const farm of farms) farm.advance(now)
  schedule(now)
}

const fail = (socket: net.Socket): void => void (scenario.failure === '503' ? socket.write(FAILED) : socket.destroy())

function counted({ counted: count }: Farm): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${String(count).length}\r\nConnection: close\r\n\r\n${count}`
}

function serve(farm: Farm, socket: net.Socket, head: string): void {
  if (head.startsWith('GET /ready ')) return void socket.write(OK)
  if (head.startsWith('GET /counted ')) return void socket.write(counted(farm))
  farm.counted++
  if (startedAt === 0) startedAt = performance.now()
  const now = clock()
  if (farm.failing > 0 && now > faultFrom && farm.uniform() < farm.failing) return fail(socket)
  const work = Number(/^GET \/serve\/(\d+) /.exec(head)?.[1] ?? 0) / 1000
  farm.add(now, work, socket)
  schedule(now)
}

ports.forEach((port, index) => {
  const server = net.createServer({ noDelay: true }, (socket) => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      text += piece
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        serve(farms[index]!, socket, text)
        text = text.slice(end + 4)
      }
    })
    socket.on('error', () => {})
  })
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
})
