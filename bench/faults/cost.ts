// What protection costs when nothing is wrong: CPU time of a small request with everything off, with each feature alone, and with
// all of them, which is how one would run it. The limits are set so high that no request is ever held up.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { measure, prepare, startPeer, type Bench } from '../measure.ts'
import { haproxy } from '../peers/haproxy.ts'
import type { Launch, Peer, Setup } from '../peers/peer.ts'
import { weir } from '../peers/weir.ts'
import { median } from '../statistics.ts'
import { workloads, type Workload } from '../workloads.ts'
import { haproxyLaunch, weirLaunch, type HaproxyParts, type WeirParts } from './proxies.ts'
import { goal, ms, number, type FaultScenario } from './scenario.ts'

const OFF: WeirParts = {
  global: { overload: { loop_delay: '0s', memory: '0%' } },
  frontend: { limits: { body_rate: '0B' } },
  backend: { balance: 'roundrobin', retries: 0, ejection: 'off' },
}

const features: Readonly<Record<string, WeirParts>> = {
  'limits and queue': {
    backend: { max_connections: 5000, max_connections_per_server: 5000, queue: { max: 1000, timeout: '5s' } },
  },
  retries: { backend: { retries: 3, retry: { on: ['closed', 'timeout', 503], budget: '20%' } } },
  ejection: { backend: { ejection: { error_ratio: '50%', latency: 5 } } },
  'circuit breaker': { backend: { circuit_breaker: 'on' } },
  'limits per source': {
    frontend: {
      clients: { connections: 5000, connection_rate: '100000/s', request_rate: '1000000/s', deny: ['192.0.2.0/24'] },
    },
  },
  methods: { frontend: { methods: ['GET', 'HEAD', 'POST'] } },
  'path normalised': { frontend: { normalize_path: 'on' } },
  'cookie persistence': { backend: { persistence: { cookie: 'WEIR' } } },
  'body limits': { frontend: { limits: { body: '1MiB', body_rate: '500B' } } },
  'overload watched': { global: { overload: { loop_delay: '200ms', memory: '90%' } } },
}

const joined = (parts: readonly WeirParts[]): WeirParts => ({
  global: Object.assign({}, ...parts.map((each) => each.global)) as object,
  frontend: Object.assign({}, ...parts.map((each) => each.frontend)) as object,
  backend: Object.assign({}, ...parts.map((each) => each.backend)) as object,
})

const ALL_ON = joined([OFF, ...Object.values(features)])

/** The nearest that HAProxy has to each: no budget, no ejection and no breaker, but the rest. */
const HAPROXY_ON: HaproxyParts = {
  global: '  expose-experimental-directives',
  frontend: `  stick-table type ip size 64k expire 1m store conn_cur,conn_rate(1s),http_req_rate(1s)
  tcp-request connection track-sc0 src
  tcp-request connection reject if { src 192.0.2.0/24 }
  tcp-request connection reject if { sc0_conn_cur gt 5000 }
  http-request deny deny_status 429 if { sc0_http_req_rate gt 1000000 }
  http-request deny deny_status 405 unless { method GET HEAD POST }
  http-request deny deny_status 413 if { req.body_size gt 1048576 }
  http-request normalize-uri path-strip-dotdot
  http-request normalize-uri path-merge-slashes`,
  backend: `  retries 3
  option redispatch
  retry-on conn-failure empty-response response-timeout 503
  timeout queue 5s
  cookie WEIR insert indirect nocache`,
  server: 'maxconn 5000 cookie one observe layer7',
}

const weirWith = (name: string, parts: WeirParts): Peer => ({
  ...weir(1),
  name,
  prepare: (setup) => weirLaunch(setup.folder, setup.port, { one: server(setup) }, parts),
})

const haproxyWith = (name: string, parts: HaproxyParts): Peer => ({
  ...haproxy,
  name,
  prepare: (setup): Launch =>
    haproxyLaunch(setup.folder, setup.port, [server(setup)], {
      ...parts,
      backend: `  balance roundrobin\n${parts.backend ?? ''}`,
    }),
})

const server = ({ serverPort }: Setup): string => `127.0.0.1:${serverPort}`

const contestants = [
  weirWith('all off', OFF),
  weirWith('all on', ALL_ON),
  ...Object.entries(features).map(([name, parts]) => weirWith(name, joined([OFF, parts]))),
  haproxyWith('haproxy all off', {}),
  haproxyWith('haproxy all on', HAPROXY_ON),
]

const smallGet = workloads.find(({ name }) => name === 'small-get')!

/** By contestant that sets one: clients have the cookie in all runs, as all but new ones do. */
const cookies = new Map<string, string>()

/** The cookie that a contestant gives to a client. */
async function cookieOf(bench: Bench, peer: Peer): Promise<string> {
  const setup = { ...(await prepare(bench, smallGet)), folder: mkdtempSync(join(bench.folder, 'cookie-')) }
  const proxy = await startPeer(peer.prepare(setup), setup, smallGet, '0')
  try {
    const response = await fetch(`http://127.0.0.1:${setup.port}/small`)
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
    if (cookie === undefined) throw new Error(`${peer.name} sets no cookie`)
    return cookie
  } finally {
    await proxy.stop()
  }
}

async function workloadOf(bench: Bench, { name }: Peer): Promise<Workload> {
  const setter = contestants.find((each) => each.name === (name.startsWith('haproxy') ? 'haproxy all on' : 'all on'))!
  if (!cookies.has(setter.name)) cookies.set(setter.name, await cookieOf(bench, setter))
  const cookie = cookies.get(setter.name)!
  return { ...smallGet, load: { tool: 'wrk', kind: 'plain', path: '/small', cookie } }
}

export const cost: FaultScenario = {
  name: 'cost',
  doc: `CPU time of the whole process per small GET, over 64 connections that stay open, with a cookie that says where the client
belongs. Ratios are medians over the rounds, of each round by itself. Limits are set where they never hold anything up.`,
  contestants: contestants.map(({ name }) => name),
  columns: [number('cost', 'CPU, us per request', 2), number('rate', 'requests/s'), ms('p99', 'p99')],
  compared: {
    key: 'cost',
    to: (name) => (name.endsWith('all off') ? null : name.startsWith('haproxy') ? 'haproxy all off' : 'all off'),
  },
  async measure(bench, contestant) {
    const peer = contestants.find(({ name }) => name === contestant)!
    const { cost: micros, rate, p99 } = await measure(bench, await workloadOf(bench, peer), peer)
    return { cost: micros, rate, p99 }
  },
  goals: (outcome) => {
    const ratios = outcome.ratios('all on', 'all off', 'cost')
    return goal('cost: CPU per request, all on to all off', ratios.length === 0 ? null : median(ratios), '<=', 1.1)
  },
}
