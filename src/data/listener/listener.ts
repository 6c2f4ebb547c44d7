// One bind of a frontend on one worker: listens with reusePort, so that the kernel spreads connections over the workers.
// Each new connection comes to the entrance (entrance.ts), which lets it in or turns it away; how it goes on then follows
// from what the bind speaks (beginning.ts). Node accepts one connection of a listener in one turn of the event loop,
// so that a flood of connections to one bind does not keep those of another waiting.
import net from 'node:net'
import type { BindSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { onConnection, type Accepted } from '../io/socket.ts'
import type { Admission } from './admission.ts'
import { Beginning } from './beginning.ts'
import { closeListening, narrowQueue } from './close-listening.ts'
import { Connections, type Connection } from './connections.ts'
import { Entrance } from './entrance.ts'
import type { Served } from './served.ts'

const BACKLOG = 4096
/** How many turns of the event loop without a connection end a listener that stops. */
const QUIET_TURNS = 3

export class Listener {
  #served: Served
  readonly #context: WorkerContext
  readonly #server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  readonly #connections = new Connections()
  readonly #beginning: Beginning
  readonly #entrance: Entrance
  /** Listening sockets of the same bind that no worker has for its own, by the number of the set that they are of. */
  readonly #adopted = new Map<number, net.Server>()
  /** The listening socket was there before this worker. */
  #inherited = false
  /** Connections so far; it wraps nowhere near. */
  #accepted = 0

  constructor(served: Served, context: WorkerContext, admission: Admission) {
    const connections = this.#connections
    this.#served = served
    this.#context = context
    this.#beginning = new Beginning(served, context, admission.parking, connections)
    this.#entrance = new Entrance(served, context, { admission, connections, beginning: this.#beginning })
  }

  get bind(): BindSpec {
    return this.#served.bind
  }

  /**
   * Goes by another configuration of the same bind: new connections do at once, those that are there with their next
   * request. Nothing is closed.
   */
  follow(served: Served): void {
    this.#served = served
    this.#beginning.follow(served)
    this.#entrance.follow(served)
  }

  /** All of its connections, for whoever may end some meanwhile. */
  connections(): Connection[] {
    return this.#connections.all()
  }

  get name(): string {
    return this.#served.frontend.name
  }

  get slot(): number {
    return this.#served.frontend.slot
  }

  /** Of the listening socket; -1: none. */
  get fd(): number {
    return (this.#server as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1
  }

  /** Listens no more, and has no connection left. */
  get isOver(): boolean {
    return this.#connections.count === 0 && !this.#server.listening
  }

  /** Called whenever a connection has ended, and when it listens no more. */
  set onEmpty(onEmpty: () => void) {
    this.#connections.onEnd = onEmpty
  }

  /**
   * @param port overrides the one of the bind, when that was 0
   * @param fd a socket that listens already
   * @returns the port that it listens on
   */
  listen(port: number, fd?: number): Promise<number> {
    const { host, path } = this.bind
    const own = path === null ? { host: host!, port, reusePort: true } : { path }
    const where = fd === undefined ? own : { fd }
    this.#inherited = fd !== undefined
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...where, backlog: BACKLOG }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) =>
          this.#context.log('error', 'accept failed', { bind: this.bind.id, error: error.message }),
        )
        onConnection(this.#server, (accepted) => this.#accept(accepted))
        const address = this.#server.address()
        const found = address !== null && typeof address === 'object' ? address.port : 0
        this.#beginning.listenOn(found)
        resolve(found)
      })
    })
  }

  /** Accepts from another listening socket of the same bind too. */
  adopt(id: number, fd: number): void {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
    this.#adopted.set(id, server)
    server.on('error', (error) =>
      this.#context.log('error', 'accept failed', { bind: this.bind.id, error: error.message }),
    )
    server.listen({ fd, backlog: BACKLOG }, () => onConnection(server, (accepted) => this.#accept(accepted)))
  }

  /** A worker has it for its own now. */
  release(id: number): void {
    this.#adopted.get(id)?.close()
    this.#adopted.delete(id)
  }

  #accept(accepted: Accepted): void {
    this.#accepted++
    this.#entrance.take(accepted)
  }

  /**
   * Connections go on until they can end without loss; those that the kernel has accepted for us are taken yet, then no more.
   * @param handedOver somebody else accepts from the same socket: what the kernel has is left to him
   */
  drain(handedOver = false): void {
    if (!this.#connections.draining) {
      this.#beginning.close()
      if (handedOver) this.#close(true)
      else if (this.#server.listening) {
        if (this.bind.path === null) narrowQueue(this.#server)
        this.#takeQueued(0, this.#accepted + BACKLOG)
      } else this.#server.close()
    }
    this.#connections.drain()
  }

  /**
   * A listening socket that is closed resets what is in its queue. Node accepts one connection in one turn of the event loop,
   * so a few turns without any mean that the queue is empty. However slow these turns are, what was in it is taken; what goes on
   * coming meanwhile is not waited for without end.
   * @param last of the connections, counted as accepted ones are, that can have been there
   */
  #takeQueued(quiet: number, last: number): void {
    const before = this.#accepted
    setImmediate(() => {
      const turns = this.#accepted === before ? quiet + 1 : 0
      if (turns === QUIET_TURNS || this.#accepted >= last) this.#close(false)
      else this.#takeQueued(turns, last)
    })
  }

  #close(handedOver: boolean): void {
    for (const id of this.#adopted.keys()) this.release(id)
    closeListening(this.#server, { path: this.bind.path, inherited: this.#inherited, handedOver })
    this.#connections.onEnd()
  }

  /** Ends the connections that have not ended by themselves. */
  cutOff(): void {
    this.#connections.cutOff()
  }
}
