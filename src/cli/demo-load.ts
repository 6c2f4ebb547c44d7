// The traffic of the demo: real HTTPS and TCP clients in closed loops, paced to a rate that leaves the machine some air,
// and a tally of what came back. A client of HTTPS never repeats a request: what Weir answers is what counts.
// A client of tcp mode is different: when a server dies, the connections that are on it are gone, whatever stands
// between; so it connects again, once, as any such client does. That is tallied apart, and only the killing excuses it.
import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** Of clients that behave alike. */
export interface Tally {
  requests: number
  /** In milliseconds, one per request that was answered. */
  readonly latencies: number[]
}

interface Kind {
  readonly clients: number
  /** Milliseconds from one request of a client to its next. */
  readonly pace: number
  /** Requests on one connection before the client opens another. */
  readonly perConnection: number
}

/** About 1500 requests per second in all, where the machine can. */
export const kinds = {
  kept: { clients: 24, pace: 20, perConnection: Infinity },
  fresh: { clients: 4, pace: 80, perConnection: 1 },
  tcp: { clients: 8, pace: 40, perConnection: 25 },
} as const satisfies Record<string, Kind>
export type KindName = keyof typeof kinds

const timeout = 10_000

interface Target {
  readonly https: number
  readonly tcp: number
  readonly ca: string
}

type Outcome = { readonly server: string } | { readonly why: string; readonly cut: boolean }

export class Load {
  readonly tallies: Record<KindName, Tally> = { kept: tally(), fresh: tally(), tcp: tally() }
  readonly perServer = new Map<string, number>()
  /** How often, by what went wrong. */
  readonly failures = new Map<string, number>()
  /** Connections in tcp mode that were lost with their server, and opened again. */
  cuts = 0
  /** A server has just been killed: connections in tcp mode may break. */
  cutsExpected = false
  readonly #target: Target
  readonly #end = new AbortController()
  #loops: Promise<void>[] = []

  constructor(target: Target) {
    this.#target = target
  }

  get requests(): number {
    return Object.values(this.tallies).reduce((sum, { requests }) => sum + requests, 0)
  }

  get failed(): number {
    return [...this.failures.values()].reduce((sum, n) => sum + n, 0)
  }

  start(): void {
    for (const [name, kind] of Object.entries(kinds) as [KindName, Kind][]) {
      for (let i = 0; i < kind.clients; i++) this.#loops.push(this.#client(name, kind, i / kind.clients))
    }
  }

  /** Resolves when the last answer is here. */
  async stop(): Promise<void> {
    this.#end.abort()
    await Promise.all(this.#loops)
    this.#loops = []
  }

  async #client(name: KindName, kind: Kind, phase: number): Promise<void> {
    const { signal } = this.#end
    const pause = (span: number): Promise<unknown> => sleep(span, undefined, { signal }).catch(() => {})
    const tally = this.tallies[name]
    let next = performance.now() + phase * kind.pace
    let agent = this.#agent(name)
    for (let used = 0; !signal.aborted; used++) {
      await pause(Math.max(0, next - performance.now()))
      if (signal.aborted) break
      if (used >= kind.perConnection) {
        agent.destroy()
        agent = this.#agent(name)
        used = 0
      }
      const start = performance.now()
      next = Math.max(next + kind.pace, start)
      let outcome = await this.#get(name, agent)
      if (name === 'tcp' && 'why' in outcome && outcome.cut && this.cutsExpected) {
        this.cuts++
        outcome = await this.#get(name, agent)
      }
      tally.requests++
      if ('server' in outcome) {
        tally.latencies.push(performance.now() - start)
        add(this.perServer, outcome.server)
      } else add(this.failures, `${name === 'tcp' ? 'tcp' : 'https'}: ${outcome.why}`)
    }
    agent.destroy()
  }

  #agent(name: KindName): http.Agent {
    const options = { keepAlive: true, maxSockets: 1 }
    return name === 'tcp' ? new http.Agent(options) : new https.Agent({ ...options, ca: this.#target.ca })
  }

  #get(name: KindName, agent: http.Agent): Promise<Outcome> {
    const port = name === 'tcp' ? this.#target.tcp : this.#target.https
    const { request } = name === 'tcp' ? http : https
    return new Promise((resolve) => {
      const lost = (error: NodeJS.ErrnoException): void => resolve({ why: error.code ?? error.message, cut: true })
      const asked = request({ host: '127.0.0.1', port, path: `/${name}`, agent, timeout }, (response) => {
        let body = ''
        response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
        response.on('error', lost).on('end', () => resolve(judge(response, body)))
      })
      asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeout / 1000} s`)))
      asked.on('error', lost).end()
    })
  }
}

function judge({ statusCode, headers }: http.IncomingMessage, body: string): Outcome {
  if (statusCode !== 200)
    return { why: `status ${statusCode}, X-Weir-Reason ${String(headers['x-weir-reason'] ?? '-')}`, cut: false }
  const server = /^Hello from server (\w+) \(process \d+\)\.\n$/.exec(body)?.[1]
  return server === undefined ? { why: `a body of ${body.length} bytes that no server sent`, cut: false } : { server }
}

const tally = (): Tally => ({ requests: 0, latencies: [] })

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The latency that a share of the requests stayed within. @param share 0 to 1 */
export function percentile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
