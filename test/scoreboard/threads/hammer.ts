// A thread that works on a table together with others, as fast as it can, and looks after each step whether what the table
// promises is so. What it finds wrong it reports in words.
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { KeyedTable } from '../../../src/scoreboard/keyed-table.ts'

export interface HammerData {
  readonly worker: number
  readonly table: SharedArrayBuffer
  /** Holders by key and entry. */
  readonly holders: SharedArrayBuffer
  readonly keys: number
  readonly rounds: number
  /** Pins that one entry may have. */
  readonly most: number
  /** Ends in the middle, with pins in its hands. */
  readonly dies: boolean
}

export interface HammerReport {
  readonly wrong: readonly string[]
  readonly held: number
  readonly lost: number
  readonly full: number
}

function hammer({ worker, table: memory, holders: shared, keys, rounds, most, dies }: HammerData): HammerReport {
  const table = new KeyedTable(memory)
  const holders = new Int32Array(shared)
  const column = table.column(0)
  const wrong: string[] = []
  const counts = { held: 0, lost: 0, full: 0 }
  let seed = worker + 1
  for (let round = 0; round < rounds && wrong.length < 5; round++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) | 0
    const key = ((seed >>> 16) % keys) + 1
    const entry = table.claim(key, key, round)
    if (entry < 0) {
      counts.full++
      continue
    }
    if (!table.pinBelow(entry, worker, most)) {
      counts.full++
      continue
    }
    if (table.pins[entry]! > most) wrong.push(`${table.pins[entry]} pins of ${most}`)
    if (!table.holds(entry, key)) {
      counts.lost++
      table.unpin(entry, worker)
      continue
    }
    counts.held++
    Atomics.add(holders, key * table.entries + entry, 1)
    Atomics.add(column, entry, 1)
    table.seen[entry] = round
    for (let other = 0; other < table.entries; other++) {
      if (other !== entry && Atomics.load(holders, key * table.entries + other) > 0)
        wrong.push(`key ${key} is at ${entry} and at ${other}`)
    }
    if (!table.holds(entry, key)) wrong.push(`key ${key} was moved from ${entry}, though it was held`)
    if (table.find(key, key) !== entry) wrong.push(`key ${key} is at ${entry} and found at ${table.find(key, key)}`)
    if (dies && round > rounds / 2) break
    Atomics.sub(column, entry, 1)
    Atomics.sub(holders, key * table.entries + entry, 1)
    table.unpin(entry, worker)
  }
  return { wrong, ...counts }
}

if (!isMainThread) parentPort!.postMessage(hammer(workerData as HammerData))
