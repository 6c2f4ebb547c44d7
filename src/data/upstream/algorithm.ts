// The balancer of a backend, from its spec: a built-in one, or one of the user's own, which is loaded from its file and
// kept under guard (balance/guard.ts). Whatever is wrong with such a file, the worker goes on: leastconn takes its place,
// for one pick or for all. The control plane has tried the file before; here it may still have changed since.
import { statSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { balancers } from '../../balance/balancers.ts'
import type { Board } from '../../balance/board.ts'
import { algorithmIn, createOwn } from '../../balance/custom.ts'
import { guard, type OnFault } from '../../balance/guard.ts'
import type { Algorithm, Balancer } from '../../balance/types.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import type { BalancerName } from '../../model/balancers.ts'
import type { WorkerContext } from '../context.ts'
import type { Log } from '../log.ts'

/** In milliseconds, between two log lines about the faults of one balancer. */
const QUIET = 60_000

/** What was loaded in this thread, by path. */
const own = new Map<string, Algorithm>()

/** Loads the files that these backends name; to be awaited before the backends are made. Never rejects. */
export async function loadAlgorithms(backends: readonly Pick<BackendSpec, 'balance'>[], log: Log): Promise<void> {
  for (const [file, digest] of new Map(backends.map(({ balance }) => [balance.file, balance.digest]))) {
    if (file === null) continue
    own.delete(file)
    try {
      const version = digest ?? statSync(file).mtimeMs // a module is loaded once per URL: a changed file needs another one
      own.set(file, algorithmIn(await import(`${pathToFileURL(file).href}?v=${version}`)))
    } catch (error) {
      log('error', 'Cannot load a balancer: leastconn takes its place', { file, error: messageOf(error) })
    }
  }
}

/** @param board that of the backend */
export function balancerFor(spec: BackendSpec, board: Board, context: WorkerContext): Balancer {
  const { algorithm, file, options } = spec.balance
  const input = { board, dice: context.dice, options }
  if (file === null) return balancers[algorithm as BalancerName].create(input)
  const fallback = balancers.leastconn.create(input)
  const loaded = own.get(file)
  if (loaded === undefined) return fallback
  try {
    return guard(createOwn(loaded, input), fallback, faultsOf(spec, context))
  } catch (error) {
    context.log('error', 'Cannot use a balancer: leastconn takes its place', { file, error: messageOf(error) })
    return fallback
  }
}

/** Counts every fault, and says so at once, then at most once a minute. */
function faultsOf({ name, slot, balance }: BackendSpec, context: WorkerContext): OnFault {
  const counter = context.row.counters.backend.balancerFaults
  let saidAt = -Infinity
  let unsaid = 0
  return (fault) => {
    counter[slot]!++
    unsaid++
    const now = performance.now()
    if (now - saidAt < QUIET) return
    context.log('warn', 'A balancer failed: leastconn picked in its place', {
      backend: name,
      file: balance.file,
      fault,
      times: unsaid,
    })
    saidAt = now
    unsaid = 0
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
