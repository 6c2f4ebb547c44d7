// How an operator wants the servers of a backend checked, in place of what the file says: all servers alike, on one port. Pure:
// what becomes of a backend under it, and both in words. Everything that can be set is said, so that nothing of the file shines
// through that was thought out for another check.
import { isDeepStrictEqual } from 'node:util'
import type { BackendConfig, HealthCheckConfig, ServerConfig, TargetConfig } from '../../config/config.ts'
import { trustingTls } from '../../config/resolve-server-tls.ts'
import { ms } from '../../model/units.ts'

export interface CheckWish {
  /** Of the request; null: a connection is enough. */
  readonly path: string | null
  readonly tls: boolean
  /** On every server; a server on a unix socket is checked there. */
  readonly port: number
  /** In ms; so is the next one. */
  readonly interval: number
  readonly timeout: number
  /** Checks in a row. */
  readonly rise: number
  readonly fall: number
}

/** As with an ELB: nothing else passes. */
const PASSING = [200, 200] as const
/** In ms: a server whose state may be about to change is checked more often. */
const FAST_INTERVAL = 1000

/** Bounds of the configuration, schema-backend.ts. */
const bounds = {
  port: [1, 65_535],
  interval: [10, 3_600_000],
  timeout: [10, 3_600_000],
  rise: [1, 100],
  fall: [1, 100],
} as const

/** What is wrong with a wish, as it came; null: nothing. */
export function wishProblem(
  wish: Readonly<Record<string, unknown>>,
): { readonly what: string; readonly expected: string } | null {
  const wrong = (name: string, expected: string) => ({
    what: `${name} is ${JSON.stringify(wish[name]) ?? 'missing'}`,
    expected,
  })
  const { path, tls } = wish
  if (path !== null && (typeof path !== 'string' || !/^\/[\x21-\x7e]*$/.test(path)))
    return wrong('path', 'a path that begins with "/", or null for a connection alone')
  if (typeof tls !== 'boolean') return wrong('tls', 'true or false')
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = wish[name]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      return wrong(name, `a whole number from ${least} to ${most}`)
  }
  return null
}

export const isCheckWish = (value: unknown): value is CheckWish =>
  typeof value === 'object' && value !== null && wishProblem({ ...value }) === null

/** The backend with all its servers checked so. */
export function checkedBy(backend: BackendConfig, wish: CheckWish): BackendConfig {
  const { path, interval, timeout, rise, fall } = wish
  const healthCheck: HealthCheckConfig = {
    interval: ms(interval),
    timeout: ms(timeout),
    rise,
    fall,
    fastInterval: ms(Math.min(FAST_INTERVAL, interval)),
    http: path === null ? null : { method: 'GET', path, host: null, expect: [PASSING] },
  }
  return {
    ...backend,
    healthCheck,
    servers: backend.servers.map((server) => ({ ...server, check: placeOf(server, wish) })),
  }
}

/** Where the check of a server goes. Over TLS it is as careful as the traffic; an ELB is not careful at all. */
function placeOf({ host, path, tls }: ServerConfig, wish: CheckWish): TargetConfig {
  const careless = { ...trustingTls, verify: false }
  return { host, path, port: path === null ? wish.port : 0, tls: wish.tls ? (tls ?? careless) : null }
}

/** 'HTTP:80/index.html every 5000 ms for 3000 ms, rise 2, fall 2' */
export function wishText({ path, tls, port, interval, timeout, rise, fall }: CheckWish): string {
  const protocol = path === null ? (tls ? 'SSL' : 'TCP') : tls ? 'HTTPS' : 'HTTP'
  return `${protocol}:${port}${path ?? ''} every ${interval} ms for ${timeout} ms, rise ${rise}, fall ${fall}`
}

/** How the file has the servers of a backend checked, in words that differ when it does. */
export function checkText({ healthCheck, servers }: BackendConfig): string {
  if (healthCheck === null) return 'off'
  const { http, interval, timeout, rise, fall, fastInterval } = healthCheck
  const passing = http?.expect.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(' ')
  const what = http === null ? 'tcp' : `${http.method} ${http.path} of ${http.host ?? 'the server'} for ${passing}`
  const elsewhere = servers.filter(({ port, check }) => check.port !== port)
  const ports = [...new Set(elsewhere.map(({ check }) => check.port))].join(' ')
  const otherTls = servers.some(({ tls, check }) => !isDeepStrictEqual(tls, check.tls))
  const place = `${ports === '' ? '' : ` on port ${ports}`}${otherTls ? ' with TLS of its own' : ''}`
  return `${what}${place} every ${interval} ms (${fastInterval}) for ${timeout} ms, rise ${rise}, fall ${fall}`
}
