// Views on the shared memory that both planes read and write. Cost: building the views, once per thread; a counter
// is then one typed-array access. This file knows the layout and nothing of what the numbers mean.
import {
  counterColumns,
  counterTables,
  learntColumns,
  markColumns,
  ownedColumns,
  sharedColumns,
  type Shape,
} from './layout.ts'

type Kind = 'server' | 'backend' | 'frontend' | 'process'
type Views<Columns extends Partial<Record<Kind, readonly string[]>>, View> = {
  readonly [K in keyof Columns]: Columns[K] extends readonly string[]
    ? Readonly<Record<Columns[K][number], View>>
    : never
}
type Tables = {
  readonly [K in keyof typeof counterTables]: Readonly<Record<keyof (typeof counterTables)[K], Float64Array>>
}

/** One worker's own rows: it alone writes them, with plain stores. */
export interface Row {
  readonly counters: Views<typeof counterColumns, Float64Array>
  readonly tables: Tables
  /** What this worker has added to the shared counts; taken back by the supervisor when the worker dies. */
  readonly owned: Views<typeof ownedColumns, Int32Array>
  /** What this worker tells the others of itself. */
  readonly marks: Views<typeof markColumns, Int32Array>
}

export interface Scoreboard {
  readonly memory: SharedArrayBuffer
  readonly shape: Shape
  /** Columns that all threads share; change them with Atomics only. */
  readonly shared: Views<typeof sharedColumns, Int32Array>
  readonly learnt: Views<typeof learntColumns, Float64Array>
  readonly rows: readonly Row[]
}

const HEADER_CELLS = 8 // the shape, so that a worker needs the memory alone

const slotsOf = (shape: Shape, kind: Kind): number =>
  kind === 'process' ? 1 : kind === 'server' ? shape.servers : kind === 'backend' ? shape.backends : shape.frontends

/** Hands out consecutive views; with no memory it only measures. */
class Cursor {
  offset: number
  readonly #memory: SharedArrayBuffer | null
  constructor(memory: SharedArrayBuffer | null, offset: number) {
    this.#memory = memory
    this.offset = offset
  }
  int32(length: number): Int32Array {
    const at = this.#take(length * 4)
    return this.#memory ? new Int32Array(this.#memory, at, length) : new Int32Array(0)
  }
  float64(length: number): Float64Array {
    const at = this.#take(length * 8)
    return this.#memory ? new Float64Array(this.#memory, at, length) : new Float64Array(0)
  }
  #take(size: number): number {
    const at = this.offset
    this.offset += Math.ceil(size / 64) * 64 // each column starts on a cache line of its own
    return at
  }
}

function views<View>(columns: Partial<Record<Kind, readonly string[]>>, shape: Shape, make: (length: number) => View) {
  const result: Partial<Record<Kind, Record<string, View>>> = {}
  for (const kind of Object.keys(columns) as Kind[]) {
    result[kind] = Object.fromEntries(columns[kind]!.map((name) => [name, make(slotsOf(shape, kind))]))
  }
  return result
}

function tables(shape: Shape, cursor: Cursor): Tables {
  const result: Record<string, Record<string, Float64Array>> = {}
  for (const [kind, widths] of Object.entries(counterTables)) {
    result[kind] = Object.fromEntries(
      Object.entries(widths).map(([name, width]) => [name, cursor.float64(slotsOf(shape, kind as Kind) * width)]),
    )
  }
  return result as unknown as Tables
}

function lay(cursor: Cursor, shape: Shape) {
  const shared = views(sharedColumns, shape, (n) => cursor.int32(n)) as unknown as Scoreboard['shared']
  const learnt = views(learntColumns, shape, (n) => cursor.float64(n)) as unknown as Scoreboard['learnt']
  const rows: Row[] = []
  for (let worker = 0; worker < shape.workers; worker++) {
    rows.push({
      counters: views(counterColumns, shape, (n) => cursor.float64(n)) as unknown as Row['counters'],
      tables: tables(shape, cursor),
      owned: views(ownedColumns, shape, (n) => cursor.int32(n)) as unknown as Row['owned'],
      marks: views(markColumns, shape, (n) => cursor.int32(n)) as unknown as Row['marks'],
    })
  }
  return { shared, learnt, rows }
}

/** Reserves the memory, all zero, and writes the shape at its start. */
export function createScoreboard(shape: Shape): Scoreboard {
  const measure = new Cursor(null, HEADER_CELLS * 8)
  lay(measure, shape)
  const memory = new SharedArrayBuffer(measure.offset)
  const header = new Int32Array(memory, 0, HEADER_CELLS)
  header.set([shape.workers, shape.frontends, shape.backends, shape.servers])
  return openScoreboard(memory)
}

/** Views on memory that createScoreboard made, for another thread. */
export function openScoreboard(memory: SharedArrayBuffer): Scoreboard {
  const [workers, frontends, backends, servers] = new Int32Array(memory, 0, 4) as unknown as [
    number,
    number,
    number,
    number,
  ]
  const shape = { workers, frontends, backends, servers }
  const { shared, learnt, rows } = lay(new Cursor(memory, HEADER_CELLS * 8), shape)
  return { memory, shape, shared, learnt, rows }
}

/** What balancing counts and learns, shared and learnt columns in one: balance/board.ts says what each is. */
export const balancingColumns = ({ shared, learnt }: Scoreboard) => ({
  server: { ...shared.server, ...learnt.server },
  backend: { ...shared.backend, ...learnt.backend },
})

/** Takes back what a dead worker had added to the shared counts, and what it said of itself. Called by the supervisor before it starts a replacement. */
export function releaseRow(board: Scoreboard, worker: number): void {
  const { owned, marks } = board.rows[worker]!
  for (const columns of Object.values(marks)) {
    for (const column of Object.values(columns as Readonly<Record<string, Int32Array>>)) column.fill(0)
  }
  for (const kind of Object.keys(owned) as (keyof typeof owned)[]) {
    const columns = owned[kind] as Readonly<Record<string, Int32Array>>
    for (const [name, own] of Object.entries(columns)) {
      const shared = (board.shared[kind] as Readonly<Record<string, Int32Array>>)[name]
      if (shared === undefined) continue // a count of what has been, and nobody's to give back
      for (let slot = 0; slot < own.length; slot++) {
        if (own[slot] === 0) continue
        Atomics.sub(shared, slot, own[slot]!)
        own[slot] = 0
      }
    }
  }
}

/** Nobody counts on this row any more: all that was there has ended. */
export function isIdle({ shared }: Scoreboard, kind: 'frontend' | 'backend' | 'server', slot: number): boolean {
  const { server, backend, frontend } = shared
  if (kind === 'frontend') return Atomics.load(frontend.connections, slot) === 0
  if (kind === 'backend') return Atomics.load(backend.inflight, slot) === 0 && Atomics.load(backend.queued, slot) === 0
  return Atomics.load(server.inflight, slot) === 0 && Atomics.load(server.connections, slot) === 0
}

/** Begins a row anew, for another that gets it. Only for one that is idle, and that no snapshot has. */
export function clearRow(board: Scoreboard, kind: 'frontend' | 'backend' | 'server', slot: number): void {
  const clear = (columns: object | undefined): void => {
    for (const column of Object.values(columns ?? {}) as (Int32Array | Float64Array)[]) column[slot] = 0
  }
  const generation = board.shared.backend.generation[slot]! // goes on: workers compare it
  clear(board.shared[kind])
  if (kind !== 'frontend') clear(board.learnt[kind])
  if (kind === 'backend') board.shared.backend.generation[slot] = generation + 1
  for (const { counters, tables } of board.rows) {
    clear(counters[kind])
    if (kind === 'server') continue
    for (const table of Object.values(tables[kind])) {
      const width = table.length / board.shape[`${kind}s`]
      table.fill(0, slot * width, (slot + 1) * width)
    }
  }
}

/** Sum of one counter over all workers. */
export function total(board: Scoreboard, read: (row: Row) => Float64Array, cell: number): number {
  let sum = 0
  for (const row of board.rows) sum += read(row)[cell]!
  return sum
}
