// The configuration as the rest of Weir sees it: complete, resolved and frozen. Every default is filled in, every file is
// read, every name is checked. Types only; the groups of plain options follow from their declarations.
import type { z } from 'zod'
import type { BalanceOptions, KeyPart } from '../model/balancers.ts'
import type { Mode } from '../model/states.ts'
import type { Bytes, Millis } from '../model/units.ts'
import type { AcmeConfig, ServerTlsConfig, TlsConfig } from './config-tls.ts'
import type { Rate } from './rate.ts'
import type { DurationText, PercentText, SizeText } from './quantities.ts'
import type { backendTimeouts, checkNumbers } from './schema-backend.ts'
import type { clientNumbers, normalizeOptions, priorities } from './schema-clients.ts'
import type { answerNumbers, breakerNumbers, ejectionOptions, queueOptions, retryNumbers } from './schema-failures.ts'
import type { forwardOptions, frontendTimeouts, limitOptions } from './schema-frontend.ts'
import type { logOptions, overloadOptions } from './schema-global.ts'
import type { cookieOptions } from './schema-persistence.ts'
import type { proxyTlvs, trustFields, xForwardedModes } from './schema-tiers.ts'

type Camel<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name
type Setting<T> = T extends DurationText ? Millis : T extends SizeText ? Bytes : T extends PercentText ? number : T
/** A group of options after reading: names in camelCase, durations and sizes as numbers, nothing left out. */
export type Settings<Shape extends Record<string, z.ZodType>> = {
  readonly [Name in keyof Shape as Camel<Name>]: Setting<NonNullable<z.infer<Shape[Name]>>>
}

export interface Config {
  readonly global: GlobalConfig
  /** In the order of the file; so are backends. */
  readonly frontends: readonly FrontendConfig[]
  readonly backends: readonly BackendConfig[]
  /** null: no certificates are ordered. */
  readonly acme: AcmeConfig | null
}

export interface GlobalConfig {
  /** 'auto': one per core. */
  readonly workers: number | 'auto'
  /** 'auto': from the limit of open files. */
  readonly maxConnections: number | 'auto'
  readonly shutdownTimeout: Millis
  /** After the signal to stop: readiness fails, and everything else goes on. 0: not at all. */
  readonly lameDuck: Millis
  readonly overload: Settings<typeof overloadOptions>
  /** Sources of clients that are remembered at a time. */
  readonly sources: number
  /** Where this Weir stands, or null. */
  readonly zone: string | null
  /** Loopback address of /metrics, /livez and /readyz, or null: not served. */
  readonly admin: AdminAddress | null
  /** Absolute path, 'auto', or null: none. */
  readonly controlSocket: string | null
  /** Absolute path of the socket that speaks HAProxy's runtime commands, or null: none. */
  readonly haproxySocket: string | null
  /** Name or number of the group that may use both sockets, or null: nobody but their owner. */
  readonly controlGroup: string | number | null
  /** Absolute path of the folder where certificates are kept that came by `weir cert put` and by ACME; null: beside the configuration. */
  readonly certificateStore: string | null
  readonly ticketKeys: TicketKeysConfig
  /** Reload when the file changes. */
  readonly watch: boolean
  readonly log: Settings<typeof logOptions>
  readonly accessLog: AccessLogConfig | null
}

/** Secrets of TLS session tickets. */
export interface TicketKeysConfig {
  /** Absolute path of a file with keys that machines share; null: made here, and changed every `rotation`. */
  readonly file: string | null
  readonly rotation: Millis
}

export interface AdminAddress {
  readonly host: string
  readonly port: number
  /** The default, which nobody asked for: where it is taken, Weir goes on without. */
  readonly byDefault: boolean
}

export interface AccessLogConfig {
  readonly format: 'json' | 'haproxy'
  /** Absolute path, or 'stdout'. */
  readonly target: string
}

export interface FrontendConfig {
  readonly name: string
  readonly mode: Mode
  readonly binds: readonly BindConfig[]
  /** null: as many as the process takes. */
  readonly maxConnections: number | null
  readonly accessLog: boolean
  readonly timeouts: Settings<typeof frontendTimeouts>
  readonly limits: Settings<typeof limitOptions>
  readonly priority: Priority
  readonly clients: ClientsConfig
  readonly trust: TrustConfig
  /** null: nothing is answered by Weir itself. */
  readonly health: HealthEndpointConfig | null
  readonly requests: RequestsConfig
  readonly forward: ForwardConfig
  readonly routes: readonly RouteConfig[]
  /** Name of the default backend, or null. */
  readonly backend: string | null
}

export type Priority = (typeof priorities)[number]

/** Networks are 'address/bits', or the address of a single one; each in one spelling. */
export interface ClientsConfig extends Settings<typeof clientNumbers> {
  /** null: everybody. */
  readonly allow: readonly string[] | null
  readonly deny: readonly string[]
  readonly exempt: readonly string[]
  /** null: any rate. */
  readonly connectionRate: Rate | null
  readonly requestRate: Rate | null
}

/** Proxies in front, whose word is taken for who the client is. */
export interface TrustConfig {
  /** Each in one spelling; empty: none. */
  readonly networks: readonly string[]
  readonly field: (typeof trustFields)[number]
}

export interface HealthEndpointConfig {
  readonly path: string
  /** Names of backends; not ready while one of them has fewer servers up. */
  readonly failWhen: readonly { readonly backend: string; readonly fewerThan: number }[]
  readonly counted: boolean
}

export type XForwarded = (typeof xForwardedModes)[number]

export interface ForwardConfig extends Omit<Settings<typeof forwardOptions>, 'via' | 'xForwarded'> {
  readonly xForwarded: XForwarded
  readonly via: string | null
}

export interface RequestsConfig {
  /** null: all but CONNECT. */
  readonly methods: readonly string[] | null
  /** null: paths stay as they are. */
  readonly normalizePath: Settings<typeof normalizeOptions> | null
  readonly neverShed: readonly string[]
}

export interface RouteConfig {
  /** Lower-cased; '*.example.com' for all names below; null: any. */
  readonly host: string | null
  /** Prefix of whole segments; null: any. */
  readonly path: string | null
  readonly backend: string
  /** null: that of the frontend. */
  readonly priority: Priority | null
}

export interface BindConfig {
  /** 'frontend/0.0.0.0:443': the same name after a reload. */
  readonly id: string
  readonly host: string | null
  readonly port: number
  /** Absolute path of a unix socket, or null. */
  readonly path: string | null
  /** null: no PROXY header is read. */
  readonly proxy: ProxyBindConfig | null
  readonly tls: TlsConfig | null
  /** Name of the default backend of what comes in here; null: that of the frontend. */
  readonly backend: string | null
}

export interface ProxyBindConfig {
  readonly mode: 'required' | 'optional'
  /** Networks that may send a header; empty for a unix socket alone, where whoever may open it may. */
  readonly from: readonly string[]
  readonly timeout: Millis
}

export interface BackendConfig {
  readonly name: string
  readonly mode: Mode
  readonly balance: BalanceConfig
  readonly pool: PoolConfig
  readonly slowStart: Millis
  /** null: no checks, servers count as up. */
  readonly healthCheck: HealthCheckConfig | null
  readonly servers: readonly ServerConfig[]
  /** null: connections begin with what the client sends. */
  readonly sendProxy: SendProxyConfig | null
  readonly timeouts: Settings<typeof backendTimeouts>
  /** On all servers together; 0: any number. */
  readonly maxConnections: number
  readonly queue: Settings<typeof queueOptions>
  readonly retries: number
  readonly retry: RetryConfig
  /** null: off. So for the next three. */
  readonly ejection: Settings<typeof ejectionOptions> | null
  readonly breaker: BreakerConfig | null
  readonly persistence: PersistenceConfig | null
  readonly idleConnections: number
}

export interface SendProxyConfig {
  readonly version: 1 | 2
  readonly tlvs: readonly (typeof proxyTlvs)[number][]
}

export interface RetryConfig extends Settings<typeof retryNumbers> {
  readonly closed: boolean
  readonly timeout: boolean
  readonly statuses: readonly number[]
}

export interface BreakerConfig extends Settings<typeof breakerNumbers> {
  /** Name of a backend of the same mode, or null. */
  readonly fallback: string | null
  /** null: 503 with the reason circuit_open. */
  readonly answer: (Settings<typeof answerNumbers> & { readonly body: string }) | null
}

/** Exactly one of cookie and table. */
export interface PersistenceConfig {
  readonly strict: boolean
  readonly cookie: CookieConfig | null
  readonly table: SessionTableConfig | null
}

export interface CookieConfig extends Settings<typeof cookieOptions> {
  readonly name: string
  readonly secure: boolean
  /** null: nothing is said. */
  readonly samesite: 'Strict' | 'Lax' | 'None' | null
  readonly domain: string | null
  /** 32 bytes, for the hash that names a server. Never logged. */
  readonly key: Uint8Array
}

export interface SessionTableConfig {
  /** Empty: by the cookie. */
  readonly by: readonly KeyPart[]
  /** A cookie whose values are learnt from responses, or null. */
  readonly cookie: string | null
  readonly entries: number
  readonly idle: Millis
}

export interface BalanceConfig {
  /** A name of model/balancers.ts; the file's own name when `file` is set. */
  readonly algorithm: string
  /** Absolute path of a balancer of the user's own, or null. */
  readonly file: string | null
  /** Of what is in that file, once it has been loaded (control/balance/check-files.ts): another text is another balancer. */
  readonly digest?: string
  readonly options: BalanceOptions
  /** Parts of the key; empty for the algorithms that follow none, and only for these. */
  readonly key: readonly KeyPart[]
}

export interface PoolConfig {
  readonly minHealthy: number
  /** In percent; 0: never. */
  readonly panic: number
  /** 0: all. */
  readonly subset: number
}

export interface HealthCheckConfig extends Settings<typeof checkNumbers> {
  readonly fastInterval: Millis
  /** null: a tcp check. */
  readonly http: {
    readonly method: string
    readonly path: string
    /** null: the address of the server. */
    readonly host: string | null
    /** Both ends included. */
    readonly expect: readonly (readonly [low: number, high: number])[]
  } | null
}

export interface ServerConfig extends TargetConfig {
  readonly name: string
  readonly weight: number
  /** 0: any number. */
  readonly maxConnections: number
  readonly tier: number
  readonly zone: string | null
  /** Where the checks go; another port or TLS than the traffic, where the options say so. */
  readonly check: TargetConfig
}

/** A place to connect to: host and port, or the path of a unix socket. */
export interface TargetConfig {
  readonly host: string | null
  readonly port: number
  readonly path: string | null
  readonly tls: ServerTlsConfig | null
}
