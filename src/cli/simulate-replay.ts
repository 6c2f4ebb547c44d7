// Reads the access log for `weir simulate --replay`, line by line, and finds the model of the servers behind it.
// What the log means is simulate/access-log.ts and simulate/replay.ts; here are the file, and words for what is wrong.
import { open } from 'node:fs/promises'
import { fileTrouble } from '../config/files.ts'
import type { BackendConfig } from '../config/config.ts'
import { keyedBalancers } from '../model/balancers.ts'
import { LogReader, type Recorded } from '../simulate/access-log.ts'
import { clientPart, isLogged, recordedKey } from '../simulate/recorded-key.ts'
import { estimateCores, estimateSpeeds, mostInFlight, workOf } from '../simulate/replay.ts'
import type { ReplayCheck } from '../simulate/replay-check.ts'

/** Of lines that cannot be read; the others are counted. */
const SHOWN = 5

export interface ReadLog {
  readonly recorded: Recorded
  /** Remarks for stderr. */
  readonly notes: readonly string[]
}

/**
 * @param backend whose requests are wanted; null: of the first request
 * @param config of that backend, or null: it says what keys are made of
 * @returns the reason when the file cannot be read
 */
export async function readLog(
  path: string,
  backend: string | null,
  config: BackendConfig | null,
): Promise<ReadLog | string> {
  const { keyOf, notes } = keysOf(config)
  const reader = new LogReader(backend, keyOf)
  let number = 0
  let bad = 0
  try {
    await using file = await open(path)
    for await (const line of file.readLines({ encoding: 'latin1' })) {
      number++
      const trouble = reader.add(line)
      if (trouble === null) continue
      if (++bad <= SHOWN) notes.push(`${path}:${number}: ${trouble}`)
    }
  } catch (error) {
    return fileTrouble(error)
  }
  if (bad > SHOWN) notes.push(`${path}: ${bad - SHOWN} more lines cannot be read`)
  const recorded = reader.finish()
  if (recorded.unsent > 0) notes.push(`${path}: ${recorded.unsent} requests reached no server, and are left out`)
  for (const [name, count] of recorded.others) notes.push(`${path}: ${count} requests of ${name} are left out`)
  return { recorded, notes }
}

function keysOf(config: BackendConfig | null): { keyOf: ReturnType<typeof recordedKey>; notes: string[] } {
  const { algorithm = '', options, key = [] } = config?.balance ?? {}
  const parts = key.filter(isLogged)
  const notes: string[] = []
  if (keyedBalancers.has(algorithm) && parts.length < key.length) {
    const missing = key
      .filter((part) => !isLogged(part))
      .map(({ source, name }) => (name ? `${source}:${name}` : source))
    notes.push(
      `the log does not have ${missing.join(', ')}, which keys are made of${parts.length === 0 ? ': the client stands for it' : ''}`,
    )
  }
  const ketama = algorithm === 'hash' && options?.table === 'ring'
  return { keyOf: recordedKey(parts.length === 0 ? [clientPart] : parts, ketama), notes }
}

/** @param cores null: to be found out @param equal no server is taken to be faster than another */
export function modelOf(recorded: Recorded, cores: number | null, equal: boolean): ReplayCheck['model'] {
  const estimated = cores === null ? estimateCores(recorded) : null
  const used = cores ?? estimated ?? mostInFlight(recorded)
  const speeds = equal ? recorded.servers.map(() => 1) : estimateSpeeds(recorded, workOf(recorded, used))
  const coresFrom = cores !== null ? 'option' : estimated !== null ? 'contention' : 'no contention'
  return { cores: used, coresFrom, speeds }
}
