// What the listeners of one worker share: the counted places of connections, where those wait that have none, and the
// table of the sources they come from.
import type { Snapshot } from '../../messages/snapshot.ts'
import { waitingAtMost } from '../../model/waiting.ts'
import { KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { WorkerContext } from '../context.ts'
import { Parking } from './parking.ts'
import { Places } from './places.ts'
import { Tarpit } from './tarpit.ts'

/** As much of a snapshot as this goes by. */
export type AdmissionLimits = Pick<Snapshot, 'maxConnections' | 'workers'>

export class Admission {
  readonly parking: Parking
  readonly tarpit: Tarpit
  readonly sources: KeyedTable
  readonly #places: Places

  /** @param limits of the process, over all workers. @param sources memory of the table */
  constructor(context: WorkerContext, limits: AdmissionLimits, sources: SharedArrayBuffer) {
    const { maxConnections, workers = context.board.shape.workers } = limits
    this.#places = new Places(context, maxConnections)
    this.parking = new Parking(context, this.#places, waitingAtMost(maxConnections, workers))
    this.tarpit = new Tarpit(context.clock)
    this.sources = new KeyedTable(sources)
  }

  /** Another limit of connections over all workers, from now on. */
  follow(maxConnections: number): void {
    this.#places.mostOfProcess = maxConnections
  }
}
