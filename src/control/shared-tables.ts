// The tables of keys that all workers share besides the scoreboard, made once for the life of the process: the sources of
// all frontends, and the sessions of each backend that keeps its clients by a table. Like rows of the scoreboard they go by
// slot. What is in them is data/clients and data/persistence.
import type { WorkerData } from '../messages/messages.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import { createKeyedTable } from '../scoreboard/keyed-table.ts'
import { createSourceTable } from '../scoreboard/sources.ts'

/** @param sources that are remembered at a time, over all frontends */
export function createSharedTables(
  { backends }: Pick<Snapshot, 'backends'>,
  { workers, sources }: { readonly workers: number; readonly sources: number },
): Pick<WorkerData, 'sources' | 'sessions'> {
  const sessions: Record<number, SharedArrayBuffer> = {}
  for (const { slot, persistence } of backends) {
    const table = persistence?.table
    // One column, the slot of the server + 1: nobody holds on to a session, so no worker has pins.
    if (table) sessions[slot] = createKeyedTable({ entries: table.entries, columns: 1, workers: 0 })
  }
  return { sources: createSourceTable(sources, workers), sessions }
}
