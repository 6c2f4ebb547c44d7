// What runs otherwise than the file says, since when and by whom; and the way back.
import { RequestProblem, expectedOf } from './problem.ts'
import { isSame, targetOf, type Override } from './override.ts'
import type { CertificateUse } from '../certificates/types.ts'
import type { Journal } from './journal.ts'
import type { Runtime } from './runtime.ts'
import type { Who } from './who.ts'
import { nearest } from '../../config/nearest.ts'

export interface Drift {
  /** Of the configuration; null: Weir was started by options. */
  readonly file: string | null
  /** Where the overrides are kept; null: in memory. */
  readonly journal: string | null
  /** A restart would forget the last of them. */
  readonly inMemoryOnly: boolean
  /** In the order in which they were made. */
  readonly overrides: readonly (Override & { readonly target: string })[]
  /** Binds that serve another certificate than the configuration says (`weir cert use`). */
  readonly uses: readonly CertificateUse[]
}

export type Cleared = Override | CertificateUse

/** How much is different. */
export const driftOf = (journal: Pick<Journal, 'overrides'>, uses: readonly CertificateUse[]): number =>
  journal.overrides.length + uses.length

export function readDrift(runtime: Runtime): Drift {
  const { journal, operator } = runtime
  return {
    file: operator.reloader.path,
    journal: journal.path,
    inMemoryOnly: journal.inMemoryOnly,
    overrides: journal.overrides.map((each) => ({ ...each, target: targetOf(each) })),
    uses: usesOf(runtime),
  }
}

/**
 * Goes back to what the file says.
 * @param target 'app/s1', a backend, a frontend; null: everything
 * @returns what has been cleared
 */
export async function clearDrift(runtime: Runtime, target: string | null, who: Who): Promise<readonly Cleared[]> {
  const before = runtime.journal.overrides
  const used = usesOf(runtime)
  const unused = used.filter(({ bind }) => target === null || bind === target || bind.startsWith(`${target}/`))
  const isMeant = (each: Override): boolean =>
    target === null || targetOf(each) === target || (each.field !== 'paused' && each.backend === target)
  const gone = before.filter(isMeant)
  if (gone.length + unused.length === 0 && target !== null) {
    const targets = [...new Set([...before.map(targetOf), ...used.map(({ bind }) => bind)])]
    throw new RequestProblem(404, `nothing is different about ${target}`, expectedOf(targets), nearest(target, targets))
  }
  if (unused.length > 0) {
    const binds = unused.map(({ bind }) => bind)
    await runtime.operator.certificates!.unuse(binds)
    runtime.report(who, `drift cleared: certificates of ${binds.join(', ')}`, { cleared: binds })
  }
  if (gone.length === 0) return unused
  const isGone = (each: Override): boolean => gone.some((one) => isSame(one, each))
  const [structural, others] = [gone.filter(isStructural), gone.filter((each) => !isStructural(each))]
  // The reloader has its own line for what changes the configuration.
  if (structural.length > 0) await runtime.restructure((list) => list.filter((each) => !isGone(each)), who)
  else runtime.unmark(isGone)
  const cleared = others.map((each) => `${each.field} of ${targetOf(each)}`)
  if (cleared.length > 0) runtime.report(who, `drift cleared: ${cleared.join(', ')}`, { cleared })
  return [...gone, ...unused]
}

const usesOf = ({ operator }: Runtime): readonly CertificateUse[] => operator.certificates?.catalogue.store.uses ?? []

const isStructural = ({ field }: Override): boolean =>
  field === 'added' || field === 'removed' || field === 'max_connections' || field === 'health_check'
