// Parts of a snapshot as tests need them: what most of them do not care about is filled in.
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import type { BackendSpec, BalanceSpec, FrontendSpec, PoolRulesSpec } from '../../src/messages/snapshot.ts'
import { bytes, ms } from '../../src/model/units.ts'

export const balanceSpec = (algorithm: string, more: Partial<BalanceSpec> = {}): BalanceSpec => ({
  algorithm,
  file: null,
  options: defaultBalanceOptions,
  key: [{ source: 'client', name: '', prefix4: 32, prefix6: 128, depth: 0, length: 0 }],
  ...more,
})

export const rulesSpec = (more: Partial<PoolRulesSpec> = {}): PoolRulesSpec => ({
  minHealthy: 1,
  panic: 0,
  zone: null,
  subset: 0,
  instance: 0,
  ...more,
})

/** Everybody may come, and ask for as much as they like. */
export const openFrontend = {
  clients: {
    allow: null,
    deny: [],
    exempt: [],
    prefix4: 32,
    prefix6: 64,
    connections: 0,
    connectionRate: null,
    requestRate: null,
    tarpit: ms(0),
  },
  trust: { networks: [], field: 'x-forwarded-for' },
  guardsIdentity: false,
  health: null,
  requests: { methods: null, normalizePath: null, neverShed: [] },
  priority: 'normal',
} as const satisfies Partial<FrontendSpec>

/** No limits, no queue, and only failed connections are tried again. */
export const plainBackend = {
  sendProxy: null,
  maxConnections: 0,
  queue: { max: 1000, timeout: ms(5000) },
  retry: {
    closed: true,
    timeout: false,
    statuses: [],
    methods: 'idempotent',
    body: bytes(16_384),
    budget: 100,
    backoff: ms(100),
  },
  ejection: null,
  breaker: null,
  persistence: null,
} as const satisfies Partial<BackendSpec>

export const noOverload = { loopDelay: ms(0), memory: 0, retryAfter: 1 }
