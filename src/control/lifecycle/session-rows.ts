// Sessions on their way from the table of one process to that of another. A session is known by its place and key alone, both
// of them hashes under secrets of its table, so the new table has the same secrets. Servers go by their names, because rows
// of the scoreboard are given out anew by every process. The clock of `seen` is the system's, which both processes read.
import type { BackendSpec, SessionTableSpec } from '../../messages/snapshot.ts'
import type { KeyedTable } from '../../scoreboard/keyed-table.ts'
import { CELLS } from './upgrade-words.ts'

/** At a time: 256 KiB. Neither process does anything else meanwhile, for a few milliseconds. */
const ROWS = 16_384
/** The one column of a table of sessions: slot of the server + 1. */
const SERVER = 0
/** In ms: readings of a clock are a little old by the time that they are written. */
const SKEW = 60_000

export interface SessionRows {
  /** Names. */
  readonly servers: readonly string[]
  /** CELLS for each session. */
  readonly rows: Int32Array
}

/** What tells the sessions of a table: two tables where this is the same know a client by the same key. */
export const toldBy = ({ by, cookie }: SessionTableSpec): string => JSON.stringify([by, cookie])

/**
 * The sessions of a table that have not ended and have a server, in pieces.
 * @param within only those that were seen in the last so many ms
 * @param now int32 ms of the shared clock
 */
export function* sessionsIn(
  table: KeyedTable,
  { servers: specs }: Pick<BackendSpec, 'servers'>,
  within: number,
  now: number,
): Generator<SessionRows> {
  const nameOf = new Map(specs.map(({ slot, name }) => [slot, name]))
  const owners = table.column(SERVER)
  let servers = new Map<number, number>()
  let rows = new Int32Array(ROWS * CELLS)
  let end = 0
  for (let entry = 0; entry < table.entries; entry++) {
    const key = table.keyOf(entry)
    if (key === 0) continue
    const seen = table.seen[entry]!
    const age = (now - seen) | 0
    if (age > within || age < -SKEW) continue
    const slot = owners[entry]! - 1
    if (!nameOf.has(slot) || table.keyOf(entry) !== key) continue // it is another's by now, whose turn comes as a change
    let server = servers.get(slot)
    if (server === undefined) servers.set(slot, (server = servers.size))
    rows[end++] = table.placeOf(entry)
    rows[end++] = key
    rows[end++] = server
    rows[end++] = seen
    if (end < rows.length) continue
    yield { servers: [...servers.keys()].map((each) => nameOf.get(each)!), rows }
    servers = new Map()
    rows = new Int32Array(ROWS * CELLS)
    end = 0
  }
  if (end > 0) yield { servers: [...servers.keys()].map((each) => nameOf.get(each)!), rows: rows.subarray(0, end) }
}

/**
 * Puts them into a table, which workers may be using. Of a session that is there already, the server counts that had it last;
 * one whose server is no more is left out. In a smaller table, those give way that were not seen for longest.
 * @param now int32 ms of the shared clock
 * @returns how many were new or have another server now
 */
export function enterSessions(
  table: KeyedTable,
  { servers: specs }: Pick<BackendSpec, 'servers'>,
  { servers, rows }: SessionRows,
  now: number,
): number {
  const slots = new Map(specs.map(({ name, slot }) => [name, slot]))
  const slotOf = servers.map((name) => slots.get(name) ?? -1)
  const owners = table.column(SERVER)
  let entered = 0
  for (let i = 0; i + CELLS <= rows.length; i += CELLS) {
    const [place, key, server, seen] = [rows[i]!, rows[i + 1]!, rows[i + 2]!, rows[i + 3]!]
    const slot = slotOf[server] ?? -1
    if (slot < 0) continue
    const entry = table.claim(place, key, now)
    if (entry < 0) continue
    const isNew = owners[entry] === 0
    if (!isNew && ((seen - table.seen[entry]!) | 0) <= 0) continue
    if (Atomics.exchange(owners, entry, slot + 1) !== slot + 1) entered++
    table.seen[entry] = seen
  }
  return entered
}

export const packed = (rows: Int32Array): string =>
  Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength).toString('base64')

export function unpacked(text: string): Int32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64')) // an array of its own begins where an int32 may
  return new Int32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))
}
