// What live traffic says of the servers, over all workers: sums of the rows that each worker writes by itself. Taken ten
// times a second on the main thread, so that the workers pay nothing for being judged.
// Cost: workers times servers times four additions. What follows from the sums is balance/outliers.ts.
import type { TrafficColumns } from '../../balance/outliers.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'

export class TrafficTotals {
  readonly columns: TrafficColumns
  readonly #board: Scoreboard

  constructor(board: Scoreboard) {
    const { servers } = board.shape
    this.#board = board
    this.columns = {
      answers: new Int32Array(servers),
      failures: new Int32Array(servers),
      latencySum: new Float64Array(servers),
      latencyCount: new Float64Array(servers),
      latency: board.learnt.server.latency,
    }
  }

  /** Brings the sums of these servers up to date. */
  sum(slots: Int32Array): void {
    const { answers, failures, latencySum, latencyCount } = this.columns
    for (const slot of slots) answers[slot] = failures[slot] = latencySum[slot] = latencyCount[slot] = 0
    for (const { owned, counters } of this.#board.rows) {
      for (const slot of slots) {
        answers[slot]! += owned.server.answers[slot]!
        failures[slot]! += owned.server.failures[slot]!
        latencySum[slot]! += counters.server.latencySum[slot]!
        latencyCount[slot]! += counters.server.latencyCount[slot]!
      }
    }
  }
}
