// The names of the balancing algorithms and of what a hash can be made of, for whoever reads or documents the
// configuration. The algorithms are in balance/balancers.ts, whose table the compiler holds to this list.
export const balancerNames = [
  'adaptive',
  'leastconn',
  'p2c',
  'roundrobin',
  'random',
  'peak-ewma',
  'hash',
  'affinity',
  'first',
  'source',
] as const
export type BalancerName = (typeof balancerNames)[number]

/** Algorithms whose choice follows the key of the request. */
export const keyedBalancers: ReadonlySet<string> = new Set<BalancerName>(['hash', 'affinity', 'source'])

/** How `hash` finds the server of a key. */
export const hashTables = ['maglev', 'ring'] as const
export type HashTable = (typeof hashTables)[number]

/** What a key can be made of. `header`, `cookie` and `query` have a name; `sni` is the server name of a TLS handshake. */
export const keySources = ['client', 'uri', 'path', 'header', 'cookie', 'query', 'sni'] as const
export type KeySource = (typeof keySources)[number]

/** Settings of the algorithms; each reads its own and ignores the others. */
export interface BalanceOptions {
  /** p2c: servers drawn for each pick. */
  readonly choices: number
  /** hash: the kind of table. */
  readonly table: HashTable
  /** affinity: how far above the pool's mean cost the home server of a key may be, as a factor. */
  readonly bound: number
  /** first: requests in flight (http) or connections (tcp), over all workers, that fill a server of mean weight. */
  readonly limit: number
  /** peak-ewma: time constant of the average, in milliseconds. */
  readonly decay: number
}

export const defaultBalanceOptions: BalanceOptions = {
  choices: 2,
  table: 'maglev',
  bound: 1.25,
  limit: 100,
  decay: 10_000,
}

/** One part of the key of a request. The same shape in configuration, snapshot and simulation. */
export interface KeyPart {
  readonly source: KeySource
  /** header (in lower case), cookie, query: its name; else ''. */
  readonly name: string
  /** client: bits of the address that count, for IPv4 and IPv6. */
  readonly prefix4: number
  readonly prefix6: number
  /** uri, path: segments and bytes that count; 0: all. */
  readonly depth: number
  readonly length: number
}
