// An access log of a run that never was, from a small model of servers that share their cores: its lines are what Weir would
// have written, and what each request really was is known. Apart from the product's simulator on purpose.
import { createDice } from '../../src/balance/dice.ts'

export interface RunOptions {
  readonly servers: readonly { readonly name: string; readonly cores: number; readonly speed: number }[]
  readonly requests: number
  /** Share of the capacity. */
  readonly load: number
  readonly mean: number
  readonly seed: number
}

export interface Run {
  readonly lines: readonly string[]
  /** ms on a core of speed 1, in the order of arrival, which the path of the request says too. */
  readonly works: readonly number[]
}

interface Job {
  readonly index: number
  left: number
}

export const START = Date.UTC(2026, 10, 22, 12)

/** Fewest in flight gets the next request; ties by chance. */
export function recordedRun({ servers, requests, load, mean, seed }: RunOptions): Run {
  const dice = createDice(seed)
  const uniform = (): number => (dice.below(1_000_000) + 0.5) / 1_000_000
  const gap = mean / (load * servers.reduce((sum, { cores, speed }) => sum + cores * speed, 0))
  const jobs = servers.map((): Job[] => [])
  const [works, arrivals, latencies, homes]: number[][] = [[], [], [], []]
  const rate = (server: number): number => {
    const { cores, speed } = servers[server]!
    return speed * Math.min(1, cores / jobs[server]!.length)
  }
  let now = 0
  let nextArrival = 0
  for (let done = 0; done < requests;) {
    let finish = Infinity
    let at = -1
    let first: Job | null = null
    for (let server = 0; server < servers.length; server++) {
      for (const job of jobs[server]!) {
        const time = now + job.left / rate(server)
        if (time < finish) [finish, at, first] = [time, server, job]
      }
    }
    const arrives = works!.length < requests && nextArrival <= finish
    const until = arrives ? nextArrival : finish
    servers.forEach((_, server) => {
      const progress = (until - now) * rate(server)
      for (const job of jobs[server]!) job.left -= progress
    })
    now = until
    if (arrives) {
      const fewest = Math.min(...jobs.map(({ length }) => length))
      const tied = jobs.map((_, i) => i).filter((i) => jobs[i]!.length === fewest)
      const server = tied[dice.below(tied.length)]!
      const work = -Math.log(uniform()) * mean
      jobs[server]!.push({ index: works!.length, left: work })
      works!.push(work)
      arrivals!.push(now)
      homes!.push(server)
      nextArrival = now - Math.log(uniform()) * gap
    } else {
      jobs[at]!.splice(jobs[at]!.indexOf(first!), 1)
      latencies![first!.index] = now - arrivals![first!.index]!
      done++
    }
  }
  const lines = arrivals!.map((arrival, i) =>
    logLine({ time: arrival, server: servers[homes![i]!]!.name, response: latencies![i]! }, { path: `/${i}` }),
  )
  return { lines, works: works! }
}

/** One line as Weir writes it. @param changes keys of the line that are different */
export function logLine(
  request: { readonly time: number; readonly server: string; readonly response: number },
  changes: Readonly<Record<string, unknown>> = {},
): string {
  const tenths = (span: number): number => Number(span.toFixed(1))
  return JSON.stringify({
    time: new Date(START + Math.round(request.time)).toISOString(),
    client: '192.0.2.7',
    client_port: 40_000,
    frontend: 'http',
    tls: false,
    backend: 'web',
    server: request.server,
    method: 'GET',
    host: 'example.com',
    path: '/',
    protocol: 'HTTP/1.1',
    status: 200,
    request_id: '',
    t_request: 0,
    t_queue: 0,
    t_connect: 0,
    t_response: tenths(request.response),
    t_total: tenths(request.response),
    bytes_in: 100,
    bytes_out: 1000,
    retries: 0,
    reason: '-',
    ...changes,
  })
}
