// The configuration as the data plane sees it: resolved, numbered, frozen. Types only; control/snapshot.ts makes it.
// Every `slot` is a row of the scoreboard and stays with its frontend, backend or server (by name) across reloads.
import type { BalanceOptions, KeyPart } from '../model/balancers.ts'
import type { Mode } from '../model/states.ts'
import type { Bytes, Millis } from '../model/units.ts'
import type { ServerTlsSpec, TlsSpec } from './tls.ts'

export interface Snapshot {
  /** Grows by one with each snapshot. */
  readonly version: number
  /** Threads that share the traffic; left out: as many as the scoreboard has rows. */
  readonly workers?: number
  /** Connections from clients over all workers; past it new ones wait to be taken, then are answered 503 `process_full`. */
  readonly maxConnections: number
  readonly shutdownTimeout: Millis
  /** From the moment when readiness fails to the moment when connections are closed after their response; 0: none. */
  readonly lameDuck: Millis
  readonly overload: OverloadSpec
  readonly accessLog: AccessLogSpec | null
  readonly frontends: readonly FrontendSpec[]
  /** Routes refer to a backend by its index here. */
  readonly backends: readonly BackendSpec[]
}

/** When requests are turned away (503 `overloaded`) so that the process does not suffer. */
export interface OverloadSpec {
  /** Delay of a worker's event loop from which it sheds; 0: never. */
  readonly loopDelay: Millis
  /** Percent of the memory that the process may have from which all workers shed; 0: never. */
  readonly memory: number
  /** What Retry-After says, in seconds. */
  readonly retryAfter: number
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
    /** Before the lowest rate of a transfer counts. */
    readonly bodyGrace: Millis
    /** Between two requests on one connection. */
    readonly keepAlive: Millis
    readonly tlsHandshake: Millis
  }
  readonly limits: {
    readonly head: Bytes
    readonly fields: number
    readonly target: Bytes
    /** Of a request's body (413); 0: none. */
    readonly body: Bytes
    /** Bytes a second that a body must come with, and a response be taken with, after `bodyGrace`; 0: any. */
    readonly bodyRate: Bytes
  }
  readonly clients: ClientRulesSpec
  readonly trust: TrustSpec
  /**
   * Its servers are told who clients are by their certificates, here or by another frontend: what a client says of that
   * itself must not get there.
   */
  readonly guardsIdentity: boolean
  /** Answered by Weir itself; null: nothing is. */
  readonly health: HealthEndpointSpec | null
  readonly requests: RequestRulesSpec
  /** Its requests (tcp: connections) wait before those of the others when a backend is full. */
  readonly priority: Priority
  readonly forward: ForwardSpec
  /** In order; the first that matches wins. */
  readonly routes: readonly RouteSpec[]
  /** Index of the default backend, or -1. */
  readonly backend: number
}

/** 'high' waits in a queue before 'normal'. */
export type Priority = 'high' | 'normal'

/** Who may connect to a frontend, and how much one source may ask for. Networks are 'address/bits' or addresses. */
export interface ClientRulesSpec {
  /** null: everybody. */
  readonly allow: readonly string[] | null
  readonly deny: readonly string[]
  /** Never limited, tarpitted or shed: health checkers, one's own. */
  readonly exempt: readonly string[]
  /** Bits of an address that make one source. */
  readonly prefix4: number
  readonly prefix6: number
  /** Connections at a time from one source; 0: any number. */
  readonly connections: number
  readonly connectionRate: RateSpec | null
  /** http only. */
  readonly requestRate: RateSpec | null
  /** How long the answer to a source over its rate is held back; 0: not at all. */
  readonly tarpit: Millis
}

export interface RateSpec {
  /** More than 0; may be a fraction. */
  readonly perSecond: number
  /** At once, after a silence; at least 1. */
  readonly burst: number
}

/** Whose word is taken for who the client is: proxies in front of this one. */
export interface TrustSpec {
  /** Networks of the proxies; empty: none. */
  readonly networks: readonly string[]
  /** The field that they append the client to. */
  readonly field: 'x-forwarded-for' | 'forwarded'
}

/** For the checks of a tier above (an ELB, Route 53): is this Weir alive, and should it get traffic. */
export interface HealthEndpointSpec {
  readonly path: string
  /** Not ready while one of these backends (by index) has fewer servers up. */
  readonly failWhen: readonly { readonly backend: number; readonly fewerThan: number }[]
  /** Its requests are counted and logged like others. */
  readonly counted: boolean
}

/** What every request is held against before it is routed. */
export interface RequestRulesSpec {
  /** Methods that are let in; null: all but CONNECT. */
  readonly methods: readonly string[] | null
  readonly normalizePath: NormalizePathSpec | null
  /** Paths (without query) that are answered by servers even while requests are shed. */
  readonly neverShed: readonly string[]
}

/** What is done to a path before it is matched and passed on (RFC 3986, section 6.2.2). */
export interface NormalizePathSpec {
  /** `/a/./b/../c` becomes `/a/c`, `%2e` included; a path that leads above the root is refused. */
  readonly dotSegments: boolean
  /** `//a///b` becomes `/a/b`. */
  readonly mergeSlashes: boolean
  /** `%2f` and `%5c`. */
  readonly encodedSeparators: 'keep' | 'decode' | 'refuse'
}

export interface ForwardSpec {
  /**
   * X-Forwarded-For, -Proto and -Port: `append` adds the client to the first and sets the others; `replace` begins anew;
   * `remove` takes them away; `preserve` leaves them alone. Without a trusted peer `append` keeps what the client sent.
   */
  readonly xForwarded: 'append' | 'replace' | 'remove' | 'preserve'
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
  /** null: that of the frontend. */
  readonly priority: Priority | null
}

export interface BindSpec {
  /** 'frontend/0.0.0.0:443': stable name of this listener, also across reloads. */
  readonly id: string
  /** Literal address to bind ('::' dual stack for `*`), or null for a unix socket. */
  readonly host: string | null
  readonly port: number
  /** Path of a unix socket, or null. Unix sockets are served by worker 0. */
  readonly path: string | null
  /** A PROXY header says who the client is, before anything else; null: none is read. */
  readonly proxy: ProxyBindSpec | null
  readonly tls: TlsSpec | null
  /** Index of the default backend of what comes in here; -1: that of the frontend. */
  readonly backend: number
}

/** The PROXY protocol, versions 1 and 2, as it is accepted. */
export interface ProxyBindSpec {
  /** `optional`: a connection without a header is taken as it is. */
  readonly mode: 'required' | 'optional'
  /**
   * Networks that may send one; from others a header is refused, and with `required` every connection. Not asked on a unix
   * socket, whose peers have no address (it may be empty there, and nowhere else): whoever may open it is believed.
   */
  readonly from: readonly string[]
  /** For the whole header. */
  readonly timeout: Millis
}

/** The PROXY protocol as it is spoken to servers. */
export interface SendProxySpec {
  readonly version: 1 | 2
  /** What version 2 tells besides the addresses. */
  readonly tlvs: readonly ProxyTlv[]
}

/** `sni`: the name that the client asked for (PP2_TYPE_AUTHORITY); `tls`: PP2_TYPE_SSL with version and cipher. */
export type ProxyTlv = 'alpn' | 'sni' | 'tls' | 'unique_id'

export interface BackendSpec {
  readonly slot: number
  readonly name: string
  readonly mode: Mode
  readonly balance: BalanceSpec
  readonly rules: PoolRulesSpec
  /** Every connection to its servers begins with a PROXY header; null: none does. */
  readonly sendProxy: SendProxySpec | null
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
    /** From the end of the request's head to the end of the response's, queue and retries included; 0: no limit. */
    readonly request: Millis
  }
  /** Requests in flight (http) or connections (tcp) on all servers together, over all workers; 0: any number. */
  readonly maxConnections: number
  readonly queue: QueueSpec
  /** Further tries of one request, by any cause. */
  readonly retries: number
  readonly retry: RetrySpec
  readonly ejection: EjectionSpec | null
  readonly breaker: BreakerSpec | null
  readonly persistence: PersistenceSpec | null
  /** Idle connections kept per server and worker. */
  readonly idleConnections: number
}

/** Where requests wait while no server has room. */
export interface QueueSpec {
  /** Requests that wait at a time, over all workers; 0: none may wait. */
  readonly max: number
  readonly timeout: Millis
}

/** Which failures are tried again, besides connections that could not be made. http only but for the budget. */
export interface RetrySpec {
  /** The server broke off before a byte of its answer. */
  readonly closed: boolean
  /** It did not answer in time. */
  readonly timeout: boolean
  /** It answered with one of these. */
  readonly statuses: readonly number[]
  /** Requests that may be repeated once something was sent. */
  readonly methods: 'idempotent' | 'all'
  /** Of a body that is kept for another try. */
  readonly body: Bytes
  /** Retries in percent of requests; a few are always allowed. */
  readonly budget: number
  /** Before another try on a server that has just failed; doubled each time, with jitter. */
  readonly backoff: Millis
}

/** Passive health: servers are taken out for a while by how live traffic fares on them. */
export interface EjectionSpec {
  /** Failures in a row; 0: not judged by that. */
  readonly failures: number
  /** Percent of failed answers, in recent traffic, that is too much when others do better; 0: not judged by that. */
  readonly errorRatio: number
  /** Multiple of the pool's median latency that is too much; 0: not judged by that. */
  readonly latency: number
  /** Answers of late without which ratio and latency say nothing. */
  readonly minRequests: number
  /** The first ejection; each further one is longer. */
  readonly time: Millis
  /** Percent of the servers that may be out at a time. */
  readonly max: number
}

/** closed -- too many fail --> open -- after `open` --> half-open -- trials succeed --> closed, or fail --> open. */
export interface BreakerSpec {
  /** Percent of failed requests that opens it. */
  readonly errorRatio: number
  readonly minRequests: number
  /** Over which the ratio is taken. */
  readonly window: Millis
  readonly open: Millis
  /** Requests that are let through half-open. */
  readonly trials: number
  /** Index of the backend that gets the requests while it is open; -1: none. */
  readonly fallback: number
  /** null: 503 with reason `circuit_open`. */
  readonly answer: AnswerSpec | null
}

/** An answer of the operator's own. */
export interface AnswerSpec {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** How the requests of one client stay on one server: by a cookie or by a table. */
export interface PersistenceSpec {
  /** Requests whose server is down are refused; else they go to another, and stay there. */
  readonly strict: boolean
  readonly cookie: CookieSpec | null
  readonly table: SessionTableSpec | null
}

export interface CookieSpec {
  readonly name: string
  /** `insert`: a cookie of Weir's own; `rewrite`: the server's, with another value; `prefix`: before the server's value. */
  readonly mode: 'insert' | 'rewrite' | 'prefix'
  /** insert: taken out of requests, so that no server sees it. */
  readonly indirect: boolean
  /** Responses that set it are marked private for caches. */
  readonly nocache: boolean
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: 'Strict' | 'Lax' | 'None' | null
  readonly domain: string | null
  readonly path: string
  /** insert: not valid any more so long after it was last seen, or first set; 0: for ever. */
  readonly maxIdle: Millis
  readonly maxLife: Millis
  /** Of the hash that stands for a server. Never logged. */
  readonly key: Uint8Array
}

export interface SessionTableSpec {
  /** What a session is told by. Empty: by a cookie that the server sets (`cookie`). */
  readonly by: readonly KeyPart[]
  /** Name of a cookie whose values are learnt from responses, or null. */
  readonly cookie: string | null
  /** Sessions that are remembered at a time; those not seen for longest give way. */
  readonly entries: number
  /** A session not seen for so long is forgotten. */
  readonly idle: Millis
}

export interface BalanceSpec {
  /** A key of the table of balancers; the file's own name when `file` is set. */
  readonly algorithm: string
  /** Absolute path of a balancer of the user's own, or null. */
  readonly file: string | null
  /** Of what was in that file when it was loaded last: another text is another balancer. */
  readonly digest?: string
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
  /** Requests in flight (http) or connections (tcp), over all workers; 0: any number. */
  readonly maxConnections: number
  /** 0: primary; servers of a higher tier help out when the lower ones have too few healthy ones. */
  readonly tier: number
  readonly zone: string | null
  readonly tls: ServerTlsSpec | null
}
