// Options of a backend: its servers, how one of them is chosen, how they are checked, and how long they may take.
import { z } from 'zod'
import {
  duration,
  either,
  flag,
  group,
  integer,
  judged,
  listOf,
  name,
  option,
  percent,
  required,
  serverAddress,
  text,
  word,
  zone,
} from './options.ts'
import { balance } from './schema-balance.ts'
import { breaker, connectionLimit, failureOptions } from './schema-failures.ts'
import { modes } from './schema-frontend.ts'
import { persistence } from './schema-persistence.ts'
import { serverTls } from './schema-server-tls.ts'
import { sendProxy } from './schema-tiers.ts'
import { parseStatuses } from './statuses.ts'

export const backendTimeouts = {
  connect: option(duration('10ms', '1h'), {
    default: '5s',
    doc: 'For a connection to a server, TLS included; then another server is tried.',
  }),
  server_response: option(duration('100ms', '24h'), {
    default: '60s',
    doc: 'From the end of the request to the end of the response head; then 504.',
  }),
  server_idle: option(duration('100ms', '24h'), {
    default: '60s',
    doc: 'No byte of a body is sent or taken by the server for this long; then the connection ends.',
  }),
  tunnel: option(duration('100ms', '7d'), {
    default: '1h',
    doc: 'Nothing passes, in either direction, on a tcp connection or an upgraded one (WebSocket).',
  }),
  idle_connection: option(duration('100ms', '1h'), {
    default: '30s',
    doc: 'How long an idle connection to a server is kept for the next request. Keep it below what the server does.',
  }),
  request: option(duration('0s', '24h'), {
    default: '0s',
    doc: 'From the end of the head of a request to the end of the response head, queue and retries included; then 504. 0s: no limit.',
  }),
}

export const httpOptions = {
  idle_connections: option(integer(0, 65_535, 'per server and worker'), {
    default: 256,
    doc: 'Idle connections kept for each server, by each worker.',
  }),
}

/** What decides which servers may be chosen at all, around every algorithm. */
export const poolOptions = {
  min_healthy: option(integer(1, 65_535), {
    default: 1,
    doc: 'Healthy servers that a tier needs to do without the next one (see `tier` of a server).',
  }),
  panic: option(percent(), {
    default: 0,
    doc: 'When a smaller share of the servers is healthy, health is disregarded and all of them get traffic, so that the last ones are not crushed. 0: never.',
  }),
  subset: option(integer(0, 65_535), {
    default: 0,
    doc: 'For very large backends behind many Weirs: each uses so many servers, and each Weir others. 0: all.',
  }),
}

export const slowStart = () =>
  option(duration('0s', '1h'), {
    default: '10s',
    doc: 'A server that joins or is up again begins with a tenth of its weight and has all of it after this time; not when Weir itself starts. 0s: all at once.',
  })

const statuses = () =>
  judged(
    z.union([z.string(), z.int()]),
    { kind: 'status or range', expects: 'a status such as 200, or a range such as "200-399"' },
    (value) => (parseStatuses(value) ? null : 'expected a status such as 200, or a range such as "200-399"'),
  )

/** What layers (backend over defaults over these defaults) like timeouts do. */
export const checkNumbers = {
  interval: option(duration('10ms', '1h'), { default: '2s', doc: 'From one check of a server to the next.' }),
  timeout: option(duration('10ms', '1h'), { default: '1s', doc: 'For the whole check: connect, TLS and answer.' }),
  rise: option(integer(1, 100), { default: 2, doc: 'Checks passed in a row that bring a down server up.' }),
  fall: option(integer(1, 100), { default: 3, doc: 'Checks failed in a row that take an up server down.' }),
}

export const checkSchema = z
  .strictObject({
    type: option(word(['tcp', 'http']), {
      otherwise: '`http` when an option of http checks is given, else `tcp`',
      doc: '`tcp`: a connection, and TLS where the server has it. `http`: a request, judged by its status.',
    }),
    method: option(word(['GET', 'HEAD', 'OPTIONS']), { default: 'GET', doc: 'http: method of the request.' }),
    path: option(text('path', 'a path that begins with "/"', /^\/[\x21-\x7e]*$/), {
      default: '/',
      doc: 'http: target of the request, query included.',
    }),
    host: option(text('host', 'a host name or address', /^[A-Za-z0-9._:[\]-]+$/), {
      otherwise: 'the address of the server',
      doc: 'http: `Host` of the request.',
    }),
    expect: option(either(statuses(), listOf(statuses())), {
      default: '200-399',
      doc: 'http: statuses that pass, as one or a list of codes and ranges.',
    }),
    ...checkNumbers,
    fast_interval: option(duration('10ms', '1h'), {
      otherwise: '1s, or `interval` if that is shorter',
      doc: 'The same as `interval` while a server is down or its last check disagreed with its state.',
    }),
    port: option(integer(1, 65_535), { otherwise: "the server's port", doc: 'Port that is checked.' }),
    tls: option(flag(), {
      otherwise: 'as the traffic to the server',
      doc: 'Check over TLS or not, where that differs from the traffic.',
    }),
  })
  .meta({ id: 'health_check', title: 'Health check' })

/** 'off', 'tcp', 'http', or a path for an http check. */
export const healthCheck = () =>
  either(
    text(
      '`off`, `tcp`, `http` or a path',
      '"off", "tcp", "http" or a path such as "/healthz"',
      /^(off|tcp|http|\/[\x21-\x7e]*)$/,
    ),
    checkSchema,
  )

const serverOptions = {
  address: required(serverAddress(), 'Host and port, `https://host`, `http://host`, or `unix:/path`.'),
  weight: option(integer(0, 65_535), {
    default: 1,
    doc: 'Share of the traffic, relative to the other servers. 0: no new traffic.',
  }),
  backup: option(flag(), { default: false, doc: 'The short form of `tier: 1`.' }),
  tier: option(integer(0, 9), {
    otherwise: '0, for a backup 1',
    doc: 'Gets traffic only when the lower tiers together have fewer than `min_healthy` healthy servers.',
  }),
  zone: option(zone(), { otherwise: 'none', doc: 'Where the server stands, to be compared with `global.zone`.' }),
  tls: option(serverTls(), { otherwise: "the backend's `tls`", doc: 'TLS to this server.' }),
  max_connections: option(connectionLimit(), {
    otherwise: "the backend's `max_connections_per_server`",
    doc: 'Requests in flight (http) or connections (tcp), over all workers; what does not fit waits. 0: any number.',
  }),
  check_port: option(integer(1, 65_535), {
    otherwise: '`health_check.port`',
    doc: 'Port that is checked on this server.',
  }),
}

export const serverSchema = z
  .strictObject({
    name: option(name(), {
      otherwise: 'the address',
      doc: 'Name in logs, metrics and commands; unique in its backend.',
    }),
    ...serverOptions,
  })
  .meta({ id: 'server', title: 'Server' })

const namedServerSchema = z.strictObject(serverOptions).meta({ id: 'named_server' })

export const backendSchema = z
  .strictObject({
    mode: option(word(modes), {
      otherwise: 'that of the frontends that use it',
      doc: 'Said only where it should be checked.',
    }),
    balance: option(balance(), {
      default: 'adaptive',
      doc: 'How a server is chosen: the name of an algorithm, or a map with its options.',
    }),
    health_check: option(healthCheck(), {
      default: 'tcp',
      doc: 'How servers are checked: `off`, `tcp`, `http`, a path for an http check, or the options below.',
    }),
    servers: required(
      either(
        serverAddress(),
        listOf(either(serverAddress(), serverSchema)),
        z.record(name(), either(serverAddress(), namedServerSchema)).meta({ nonEmpty: true }),
      ),
      'A list of addresses or of servers with options, or a map of names to the same.',
    ),
    tls: option(serverTls(), {
      otherwise: 'no TLS, except for `https://` addresses',
      doc: 'TLS to all servers. `true`: with verification against public authorities.',
    }),
    send_proxy: sendProxy(),
    ...poolOptions,
    slow_start: slowStart(),
    max_connections: option(connectionLimit(), {
      default: 0,
      doc: 'Requests in flight (http) or connections (tcp) on all servers together, over all workers; what does not fit waits. 0: any number.',
    }),
    ...failureOptions,
    circuit_breaker: breaker(),
    persistence: persistence(),
    http: group(httpOptions, 'http mode only.'),
    timeouts: group(backendTimeouts, 'How long to wait for the server.'),
  })
  .meta({ id: 'backend', title: 'backends' })
