// A server whose behaviour can be changed while it runs: it answers well, or fails in one of the ways in which servers do.
// What it answers belongs to the request by its number (numbered-bytes.ts): a client can tell whether an answer is its own
// and whole, and whether the server got all of the body. It remembers which requests it has seen.
//
// http: `GET /r/<number>?reply=<length>`, any method; the answer has X-Request-Number and X-Body-Sum (of the request's body),
//   and the bytes of the number as its body, in chunks when the number is odd.
// tcp: `<number> <length>\n` and so many bytes; the answer is `<number> <sum>\n`, then the connection may go on.
import net, { type AddressInfo, type Socket } from 'node:net'
import { serveHttp } from './faulty-http.ts'
import { serveTcp } from './faulty-tcp.ts'

export const behaviours = [
  'ok',
  /** Nobody listens, and what was open is reset. */
  'refuse',
  /** As refuse and ok by turns, each for `flapEvery`. */
  'flap',
  /** Takes connections and requests, and never answers. */
  'silent',
  /** Takes connections, and reads nothing from them. */
  'deaf',
  'reset-on-accept',
  'reset-in-request',
  'reset-in-head',
  'reset-in-body',
  /** Reads the whole request, and closes in order. */
  'close-unanswered',
  'trickle',
  'garbage',
  /** Answers, and closes kept-alive connections at random ages. */
  'idle-close',
  /** Answers 503, but with all that belongs to an answer. */
  'unavailable',
  /** Answers after `delay`. */
  'slow',
] as const

export type Behaviour = (typeof behaviours)[number]

export class FaultyServer {
  readonly mode: 'http' | 'tcp'
  /** ms before an answer while slow. */
  delay = 200
  /** ms in each state while flapping. */
  flapEvery = 150
  /** Longest idle age while idle-close, in ms. */
  idleMost = 300
  /** How often each request was seen, by number: when its head had been read. */
  readonly seen = new Map<number, number>()
  /** Requests answered whole, as far as the server can tell. */
  answered = 0
  #behaviour: Behaviour = 'ok'
  #port = 0
  #server: net.Server | null = null
  readonly #sockets = new Set<Socket>()
  #flapping: NodeJS.Timeout | undefined
  /** Opening and closing one after the other. */
  #work: Promise<void> = Promise.resolve()
  readonly #random: () => number

  /** @param random from 0 to below 1; for the idle ages */
  constructor(mode: 'http' | 'tcp' = 'http', random: () => number = Math.random) {
    this.mode = mode
    this.#random = random
  }

  get port(): number {
    return this.#port
  }

  get behaviour(): Behaviour {
    return this.#behaviour
  }

  /** A request has come. */
  see(number: number): void {
    this.seen.set(number, (this.seen.get(number) ?? 0) + 1)
  }

  async start(): Promise<this> {
    await this.#open()
    return this
  }

  /** Requests and connections that begin from now on meet this; resolves when the port is open or closed accordingly. */
  behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour
    clearInterval(this.#flapping)
    if (behaviour === 'flap') {
      let up = false
      this.#flapping = setInterval(() => {
        up = !up
        void (up ? this.#open() : this.#shut())
      }, this.flapEvery)
    }
    return behaviour === 'refuse' || behaviour === 'flap' ? this.#shut() : this.#open()
  }

  close(): Promise<void> {
    clearInterval(this.#flapping)
    return this.#shut()
  }

  #open(): Promise<void> {
    return this.#next(async () => {
      if (this.#server !== null) return
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.#port, '127.0.0.1', resolve)
      })
      this.#server = server
      this.#port = (server.address() as AddressInfo).port
    })
  }

  #shut(): Promise<void> {
    return this.#next(async () => {
      const server = this.#server
      if (server === null) return
      this.#server = null
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of this.#sockets) socket.resetAndDestroy()
      await closed
    })
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(step)
    return this.#work
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    if (this.#behaviour === 'reset-on-accept') return void socket.resetAndDestroy()
    if (this.#behaviour === 'deaf') return
    if (this.mode === 'http') serveHttp(this, socket, this.#random)
    else serveTcp(this, socket)
  }
}
