// The table of sources: what all workers know together of the networks that clients come from. Both planes need its shape;
// what the numbers mean is data/clients/rate-limit.ts. The pins of an entry are the connections that its source has open.
import { createKeyedTable } from './keyed-table.ts'

/** Columns: theoretical arrival times, and when each was last moved. */
export const REQUEST_ARRIVAL = 0
export const REQUEST_MOVED = 1
export const CONNECTION_ARRIVAL = 2
export const CONNECTION_MOVED = 3

/** @param entries sources that are remembered at a time, over all frontends */
export const createSourceTable = (entries: number, workers: number): SharedArrayBuffer =>
  createKeyedTable({ entries, columns: 4, workers })
