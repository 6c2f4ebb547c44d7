// The table of workloads: what is sent, through which kind of frontend, and what the goal is. One entry per row of the
// results; adding a workload is adding an entry. How load is made is in load/, how a peer is set up in peers/.
import type { Mode } from '../src/model/states.ts'

export type Load =
  /** wrk; `kind` is an entry of load/wrk.lua; `cookie` a pair for the Cookie field. */
  | {
      readonly tool: 'wrk'
      readonly kind: 'plain' | 'browser' | 'post' | 'close' | 'pingpong'
      readonly path: string
      readonly cookie?: string
    }
  /** A new TLS connection for each request. */
  | { readonly tool: 'handshakes'; readonly resume: boolean }
  /** Connections that make one request each and then stay. */
  | { readonly tool: 'idle' }

export interface Workload {
  readonly name: string
  /** As the row is called in the results. */
  readonly title: string
  readonly mode: Mode
  readonly tls: 'ecdsa' | 'rsa' | null
  readonly accessLog: boolean
  readonly connections: number
  readonly load: Load
  /** Which of the two servers behind answers: see backend.ts. */
  readonly backend: 'pages' | 'answers'
  /** What the cost is given per. For MiB each response is one. For idle it is KiB of memory per connection. */
  readonly per: 'request' | 'MiB' | 'connection'
  /** The highest ratio of Weir's figure to HAProxy's that is aimed at; null: the goal is not such a ratio. */
  readonly goal: number | null
  /** Peers that take part, beside those that are fast enough to take part always. */
  readonly extraPeers: readonly string[]
  /** Instead of the usual peers. */
  readonly onlyPeers?: readonly string[]
  /** Rounds at most; memory is the same each time, and filling it takes long. */
  readonly maxRounds?: number
}

const base = {
  mode: 'http',
  tls: null,
  accessLog: false,
  connections: 64,
  backend: 'pages',
  per: 'request',
  extraPeers: [],
} as const

const get = (path: string): Load => ({ tool: 'wrk', kind: 'plain', path })

export const workloads: readonly Workload[] = [
  {
    ...base,
    name: 'small-get',
    title: 'small GET, keep-alive',
    load: get('/small'),
    goal: 1,
    extraPeers: ['http-proxy-3', 'node-undici'],
  },
  {
    ...base,
    name: 'browser-get',
    title: "small GET with a browser's fields (14 in, 16 out)",
    load: { tool: 'wrk', kind: 'browser', path: '/browser' },
    goal: 1,
  },
  { ...base, name: 'get-10k', title: 'GET 10 KiB', load: get('/10k'), goal: 1.05 },
  { ...base, name: 'get-1m', title: 'GET 1 MiB, 16 connections', load: get('/1m'), connections: 16, goal: 1 },
  {
    ...base,
    name: 'post-10k',
    title: 'POST 10 KiB',
    load: { tool: 'wrk', kind: 'post', path: '/' },
    backend: 'answers',
    goal: 1,
  },
  {
    ...base,
    name: 'new-connection',
    title: 'new connection for each request, 32 clients',
    load: { tool: 'wrk', kind: 'close', path: '/small' },
    connections: 32,
    goal: 1.1,
  },
  {
    ...base,
    name: 'tls-get',
    title: 'TLS 1.3 small GET, keep-alive',
    load: get('/small'),
    tls: 'ecdsa',
    goal: 0.95,
    extraPeers: ['hitch'],
  },
  {
    ...base,
    name: 'tls-ecdsa',
    title: 'TLS 1.3 full handshake and GET, ECDSA P-256',
    load: { tool: 'handshakes', resume: false },
    connections: 32,
    tls: 'ecdsa',
    goal: 1,
    extraPeers: ['hitch'],
  },
  {
    ...base,
    name: 'tls-rsa',
    title: 'TLS 1.3 full handshake and GET, RSA 2048',
    load: { tool: 'handshakes', resume: false },
    connections: 32,
    tls: 'rsa',
    goal: 1,
    extraPeers: ['hitch'],
  },
  {
    ...base,
    name: 'tls-resumed',
    title: 'TLS 1.3 resumed handshake and GET',
    load: { tool: 'handshakes', resume: true },
    connections: 32,
    tls: 'ecdsa',
    goal: 0.95,
    extraPeers: ['hitch'],
  },
  {
    ...base,
    name: 'tls-1m',
    title: 'TLS 1.3 GET 1 MiB, 16 connections',
    load: get('/1m'),
    connections: 16,
    tls: 'ecdsa',
    goal: 0.65,
    extraPeers: ['hitch'],
  },
  {
    ...base,
    name: 'tcp-pingpong',
    title: 'tcp mode, 64 bytes each way',
    mode: 'tcp',
    load: { tool: 'wrk', kind: 'pingpong', path: '/' },
    backend: 'answers',
    goal: 1.15,
  },
  {
    ...base,
    name: 'tcp-bulk',
    title: 'tcp mode, bulk, 16 connections',
    mode: 'tcp',
    load: get('/1m'),
    connections: 16,
    per: 'MiB',
    goal: 0.8,
  },
  {
    ...base,
    name: 'access-log',
    title: 'small GET, access log on',
    load: get('/small'),
    accessLog: true,
    goal: 1.05,
  },
  {
    ...base,
    name: 'two-workers',
    title: 'small GET, two workers on two cores',
    load: get('/small'),
    goal: null,
    onlyPeers: ['weir-2-processes', 'weir-2-workers', 'weir'],
  },
  {
    ...base,
    name: 'idle',
    title: 'idle keep-alive connection, memory',
    load: { tool: 'idle' },
    connections: 10_000,
    per: 'connection',
    goal: null,
    maxRounds: 1,
  },
  {
    ...base,
    name: 'idle-tls',
    title: 'idle TLS keep-alive connection, memory',
    load: { tool: 'idle' },
    connections: 10_000,
    per: 'connection',
    tls: 'ecdsa',
    goal: null,
    maxRounds: 1,
    extraPeers: ['hitch'],
    onlyPeers: ['weir', 'haproxy', 'nginx'], // hitch would need a descriptor for each of 20,000 connections
  },
]
