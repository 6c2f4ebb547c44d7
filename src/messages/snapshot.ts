// The configuration as the data plane sees it: resolved, numbered, frozen. Types only; control/snapshot.ts makes it.
// Every `slot` is a row of the scoreboard and stays with its frontend, backend or server (by name) across reloads.
import type { BalanceOptions, KeyPart } from '../model/balancers.ts'
import type { Mode } from '../model/states.ts'
import type { Bytes, Millis } from '../model/units.ts'

export interface Snapshot {
  /** Grows by one with each snapshot. */
  readonly version: number
  /** Connections from clients over all workers; past it new ones are answered 503 `process_full`. */
  readonly maxConnections: number
  readonly shutdownTimeout: Millis
  readonly accessLog: AccessLogSpec | null
  readonly frontends: readonly FrontendSpec[]
  /** Routes refer to a backend by its index here. */
  readonly backends: readonly BackendSpec[]
}

export interface AccessLogSpec {
  readonly format: 'json' | 'haproxy'
  /** A path, or 'stdout'. */
  readonly target: string
}

export interface FrontendSpec {
  readonly slot: number
  readonly name: string
  readonly mode: Mode
  readonly binds: readonly BindSpec[]
  readonly maxConnections: number
  readonly accessLog: boolean
  readonly timeouts: {
    /** From accept, or from the first byte of a later request, to the end of the head (408). */
    readonly clientHeader: Millis
    /** No byte of a body read from or taken by the client for this long. */
    readonly clientIdle: Millis
    /** Between two requests on one connection. */
    readonly keepAlive: Millis
    readonly tlsHandshake: Millis
  }
  readonly limits: { readonly head: Bytes; readonly fields: number; readonly target: Bytes }
  readonly forward: ForwardSpec
  /** In order; the first that matches wins. */
  readonly routes: readonly RouteSpec[]
  /** Index of the default backend, or -1. */
  readonly backend: number
}

export interface ForwardSpec {
  /** X-Forwarded-For is appended to, X-Forwarded-Proto and -Port are set. */
  readonly xForwarded: boolean
  /** X-Request-ID: keep a well-formed one from the client, replace it, or leave the field alone. */
  readonly requestId: 'keep' | 'replace' | 'off'
  /** Pseudonym for Via (RFC 9110, 7.6.3), or null: no Via. */
  readonly via: string | null
}

export interface RouteSpec {
  /** Lower-cased host without port; '*.example.com' matches any name below; null: any host. */
  readonly host: string | null
  /** Path prefix on segment boundaries ('/api' matches '/api' and '/api/x', not '/apix'); null: any path. */
  readonly path: string | null
  readonly backend: number
}

export interface BindSpec {
  /** 'frontend/0.0.0.0:443': stable name of this listener, also across reloads. */
  readonly id: string
  /** Literal address to bind ('::' dual stack for `*`), or null for a unix socket. */
  readonly host: string | null
  readonly port: number
  /** Path of a unix socket, or null. Unix sockets are served by worker 0. */
  readonly path: string | null
  readonly tls: TlsSpec | null
}

export interface TlsSpec {
  /** The first is the default when no SNI name matches. Certificates with equal names and different key types go side by side. */
  readonly certificates: readonly CertificateSpec[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL cipher list for TLS 1.2 and suites for 1.3; null: Weir's default. */
  readonly ciphers: string | null
  readonly alpn: readonly string[]
  /** 48 secret bytes shared by all workers, so that a ticket from one is good at another. Never logged. */
  readonly ticketKeys: Uint8Array
}

export interface CertificateSpec {
  /** Leaf first, then the chain; PEM. */
  readonly cert: string
  /** Private key; PEM. Never logged. */
  readonly key: string
  /** DNS names of the leaf, lower-cased, wildcards as they stand. */
  readonly names: readonly string[]
  readonly keyType: 'ec' | 'rsa' | 'other'
}

export interface BackendSpec {
  readonly slot: number
  readonly name: string
  readonly mode: Mode
  readonly balance: BalanceSpec
  readonly rules: PoolRulesSpec
  /** Window of slow start; 0: none. */
  readonly slowStart: Millis
  readonly servers: readonly ServerSpec[]
  readonly timeouts: {
    readonly connect: Millis
    /** From the end of the request to the end of the response head. */
    readonly serverResponse: Millis
    /** No byte of a body read from or taken by the server for this long. */
    readonly serverIdle: Millis
    /** A tcp connection or an upgraded one on which nothing passes in either direction. */
    readonly tunnel: Millis
    /** How long an idle connection to a server is kept for reuse. */
    readonly idleConnection: Millis
  }
  /** Further servers tried after a failed connect, when nothing was sent. */
  readonly retries: number
  /** Idle connections kept per server and worker. */
  readonly idleConnections: number
}

export interface BalanceSpec {
  /** A key of the table of balancers; the file's own name when `file` is set. */
  readonly algorithm: string
  /** Absolute path of a balancer of the user's own, or null. */
  readonly file: string | null
  readonly options: BalanceOptions
  /** What the key is made of, for the algorithms that follow one; never empty for these. */
  readonly key: readonly KeyPart[]
}

/** What decides which servers of a backend may be picked; balance/pool.ts says how. */
export interface PoolRulesSpec {
  readonly minHealthy: number
  readonly panic: number
  readonly zone: string | null
  readonly subset: number
  readonly instance: number
}

export interface ServerSpec {
  readonly slot: number
  /** Unique in its backend; the identity that hashing and reload go by. */
  readonly name: string
  readonly host: string | null
  readonly port: number
  readonly path: string | null
  /** 0: gets no new traffic. */
  readonly weight: number
  /** 0: primary; servers of a higher tier help out when the lower ones have too few healthy ones. */
  readonly tier: number
  readonly zone: string | null
  readonly tls: ServerTlsSpec | null
}

export interface ServerTlsSpec {
  readonly verify: boolean
  /** PEM of trusted authorities; null: the ones that Node ships. */
  readonly ca: string | null
  /** Name for SNI and verification; null: the host when it is a name. */
  readonly serverName: string | null
}
