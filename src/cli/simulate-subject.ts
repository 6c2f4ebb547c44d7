// The backend that `weir simulate` is asked about: found in the configuration, with its algorithm, which may be a balancer
// of the user's own. Such a one runs under guard, as it does live: where it fails, leastconn picks in its place.
import { balancers } from '../balance/balancers.ts'
import { createOwn } from '../balance/custom.ts'
import { guard } from '../balance/guard.ts'
import type { Algorithm } from '../balance/types.ts'
import type { BackendConfig, Config } from '../config/config.ts'
import { formatProblems } from '../config/format.ts'
import { loadConfig } from '../config/load.ts'
import { suggestion } from '../config/nearest.ts'
import { checkBalancerFiles } from '../control/balance/check-files.ts'
import { algorithmFor } from '../control/balance/load-algorithm.ts'
import { UsageError } from './usage.ts'

/** Ends the command with exit code 1: a file is not as it should be. The message has its own line breaks. */
export class Unusable extends Error {}

export interface Subject {
  readonly backend: BackendConfig
  /** Where this Weir stands. */
  readonly zone: string | null
  readonly algorithm: Algorithm
  /** How often a balancer of the user's own has failed so far, and why at first. */
  readonly faults: { count: number; first: string }
}

/** @throws Unusable, UsageError */
export async function loadSubject(file: string, wanted: string | null): Promise<Subject> {
  const loaded = await checkBalancerFiles(loadConfig(file))
  if (loaded.config === null) throw new Unusable(formatProblems(loaded.problems, loaded.sources, 'text'))
  const backend = findBackend(loaded.config, wanted)
  const faults = { count: 0, first: '' }
  const configured = algorithmFor(backend.balance)
  const algorithm = backend.balance.file === null ? configured : guarded(configured, faults)
  return { backend, zone: loaded.config.global.zone, algorithm, faults }
}

function findBackend({ backends }: Config, wanted: string | null): BackendConfig {
  const names = backends.map(({ name }) => name)
  if (wanted === null && backends.length > 1) throw new UsageError(`name a --backend: ${names.join(', ')}`)
  const found = wanted === null ? backends[0] : backends.find(({ name }) => name === wanted)
  if (found === undefined) throw new UsageError(`there is no backend "${wanted}"${suggestion(wanted ?? '', names)}`)
  return found
}

const guarded = (own: Algorithm, faults: Subject['faults']): Algorithm => ({
  ...own,
  create: (context) =>
    guard(createOwn(own, context), balancers.leastconn.create(context), (fault) => {
      if (faults.count++ === 0) faults.first = fault
    }),
})
