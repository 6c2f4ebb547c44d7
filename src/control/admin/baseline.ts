// Counters as an operator wants to see them: since he cleared them. Those on the scoreboard never go back, because Prometheus
// and everybody else who reads them takes the difference of two readings; so what is cleared is a reading to subtract, and
// what it was is remembered here. Only what `weir status` and `weir show` say goes by it.
import type { BackendStatus, FrontendStatus, ServerStatus, Status } from './status.ts'

const ofFrontend = ['connectionsTotal', 'requests', 'bytesIn', 'bytesOut'] as const satisfies (keyof FrontendStatus)[]
const ofBackend = ['requests', 'retriesDenied'] as const satisfies (keyof BackendStatus)[]
const ofServer = ['requests', 'bytesIn', 'bytesOut', 'errors', 'ejections'] as const satisfies (keyof ServerStatus)[]

interface Counted {
  readonly frontend: string
  readonly reason: string
  readonly count: number
}
const keyOf = ({ frontend, reason }: Counted): string => `${frontend} ${reason}`

export class Baseline {
  #status: Status | null = null
  #reasons: ReadonlyMap<string, number> = new Map()
  #clearedAt: number | null = null

  /** In milliseconds since the epoch; null: never. */
  get clearedAt(): number | null {
    return this.#clearedAt
  }

  /** Counters begin at 0 again. @param status as it is read from the scoreboard. @param reasons counts of failures */
  clear(status: Status, reasons: readonly Counted[]): void {
    this.#status = status
    this.#reasons = new Map(reasons.map((each) => [keyOf(each), each.count]))
    this.#clearedAt = Date.now()
  }

  /** How often it had occurred when the counters were cleared. */
  reasonsBefore(each: Counted): number {
    return this.#reasons.get(keyOf(each)) ?? 0
  }

  /** The same status, with the counters since they were cleared. */
  since(status: Status): Status {
    const base = this.#status
    if (base === null) return status
    return {
      ...status,
      countersSince: new Date(this.#clearedAt!).toISOString(),
      frontends: status.frontends.map((each) => less(each, named(base.frontends, each), ofFrontend)),
      backends: status.backends.map((each) => {
        const before = named(base.backends, each)
        const servers = each.servers.map((server) => less(server, named(before?.servers ?? [], server), ofServer))
        return { ...less(each, before, ofBackend), servers }
      }),
    }
  }
}

const named = <T extends { readonly name: string }>(list: readonly T[], { name }: T): T | undefined =>
  list.find((each) => each.name === name)

function less<T extends object>(now: T, before: T | undefined, counters: readonly (keyof T)[]): T {
  if (before === undefined) return now
  const changed = counters.map((name) => [name, Math.max(0, Number(now[name]) - Number(before[name]))])
  return { ...now, ...(Object.fromEntries(changed) as Partial<T>) }
}
