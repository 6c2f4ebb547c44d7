// The tables of keys that all workers share besides the scoreboard, made once for the life of the process: the sources of
// all frontends, and the sessions of each backend that keeps its clients by a table. Like rows of the scoreboard they go by
// slot. What is in them is data/clients and data/persistence.
import type { WorkerData } from '../messages/messages.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import { createKeyedTable } from '../scoreboard/keyed-table.ts'
import { createSourceTable } from '../scoreboard/sources.ts'

export interface SharedTables {
  readonly sources: WorkerData['sources']
  /** By backend slot; grows with new configurations. */
  readonly sessions: Record<number, SharedArrayBuffer>
}

/** @param sources that are remembered at a time, over all frontends */
export function createSharedTables(
  { backends }: Pick<Snapshot, 'backends'>,
  { workers, sources }: { readonly workers: number; readonly sources: number },
): SharedTables {
  const sessions: Record<number, SharedArrayBuffer> = {}
  addSessionTables(sessions, backends)
  return { sources: createSourceTable(sources, workers), sessions }
}

/** Those that are missing. A table that is there stays, whatever size the configuration asks for now: sessions are in it. */
export function addSessionTables(sessions: Record<number, SharedArrayBuffer>, backends: Snapshot['backends']): void {
  for (const { slot, persistence } of backends) {
    const table = persistence?.table
    // One column, the slot of the server + 1: nobody holds on to a session, so no worker has pins.
    if (table) sessions[slot] ??= createKeyedTable({ entries: table.entries, columns: 1, workers: 0 })
  }
}
