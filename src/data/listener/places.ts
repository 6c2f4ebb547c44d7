// The counted places of connections: so many on a frontend, so many in the process, over all workers. Taken one by one
// with compareExchange, so that no limit is exceeded for a moment, whoever else takes one at the same time.
import type { WorkerContext } from '../context.ts'

export type Full = 'frontend_full' | 'process_full' | 'frontend_paused'

export class Places {
  readonly #shared: WorkerContext['board']['shared']
  readonly #owned: WorkerContext['row']['owned']
  /** Connections over all workers. */
  mostOfProcess: number

  constructor({ board, row }: WorkerContext, mostOfProcess: number) {
    this.#shared = board.shared
    this.#owned = row.owned
    this.mostOfProcess = mostOfProcess
  }

  /** @returns null when the connection has its place; else what is full */
  take(frontend: number, most: number): Full | null {
    const ofFrontend = this.#shared.frontend.connections
    if (Atomics.load(this.#shared.frontend.paused, frontend) !== 0) return 'frontend_paused'
    if (!addBelow(ofFrontend, frontend, most)) return 'frontend_full'
    if (!addBelow(this.#shared.process.connections, 0, this.mostOfProcess)) {
      Atomics.sub(ofFrontend, frontend, 1)
      return 'process_full'
    }
    this.#owned.frontend.connections[frontend]!++
    this.#owned.process.connections[0]!++
    return null
  }

  /** What others wait for, when a new connection has to wait behind them. */
  lacking(frontend: number, most: number): Full {
    if (Atomics.load(this.#shared.frontend.paused, frontend) !== 0) return 'frontend_paused'
    return Atomics.load(this.#shared.frontend.connections, frontend) < most ? 'process_full' : 'frontend_full'
  }

  hasRoom(frontend: number, most: number): boolean {
    const { frontend: ofFrontend, process } = this.#shared
    return (
      Atomics.load(ofFrontend.paused, frontend) === 0 &&
      Atomics.load(ofFrontend.connections, frontend) < most &&
      Atomics.load(process.connections, 0) < this.mostOfProcess
    )
  }

  give(frontend: number): void {
    this.#owned.frontend.connections[frontend]!--
    this.#owned.process.connections[0]!--
    Atomics.sub(this.#shared.frontend.connections, frontend, 1)
    Atomics.sub(this.#shared.process.connections, 0, 1)
  }
}

function addBelow(column: Int32Array, cell: number, most: number): boolean {
  for (let count = Atomics.load(column, cell); count < most;) {
    const before = Atomics.compareExchange(column, cell, count, count + 1)
    if (before === count) return true
    count = before
  }
  return false
}
