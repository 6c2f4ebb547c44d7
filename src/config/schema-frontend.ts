// Options of a frontend: where clients arrive, what they may do, and which backend gets their requests.
import { z } from 'zod'
import {
  bindAddress,
  duration,
  either,
  flag,
  group,
  integer,
  listOf,
  name,
  option,
  required,
  size,
  text,
  word,
  wordOrFlag,
} from './options.ts'
import { clientOptions, priority, requestOptions } from './schema-clients.ts'
import { hostPattern } from './schema-names.ts'
import { proxyProtocol, tierOptions, xForwardedModes } from './schema-tiers.ts'
import { bindTls, tls } from './schema-tls.ts'

export const modes = ['http', 'tcp'] as const

export const frontendTimeouts = {
  client_header: option(duration('100ms', '1h'), {
    default: '10s',
    doc: 'For the head of a request, from the accept or from the first byte of a later request; then 408.',
  }),
  client_idle: option(duration('100ms', '24h'), {
    default: '60s',
    doc: 'No byte of a body is sent or taken by the client for this long; then the connection ends.',
  }),
  body_grace: option(duration('1s', '1h'), {
    default: '20s',
    doc: 'For a body or a response before `limits.body_rate` counts. Later, good progress makes up for pauses of three times as long.',
  }),
  keep_alive: option(duration('100ms', '24h'), { default: '75s', doc: 'Between two requests on one connection.' }),
  tls_handshake: option(duration('100ms', '1h'), { default: '10s', doc: 'For the TLS handshake with the client.' }),
}

export const limitOptions = {
  head: option(size('1KiB', '32KiB'), { default: '16KiB', doc: 'Request line and header fields together; then 431.' }),
  fields: option(integer(1, 1000), { default: 100, doc: 'Header fields of a request; then 431.' }),
  target: option(size('64B', '32KiB'), { default: '8KiB', doc: 'Target (path and query) of a request; then 414.' }),
  body: option(size('0B', '1TiB'), { default: '0B', doc: 'Body of a request; then 413. 0B: any length.' }),
  body_rate: option(size('0B', '1GiB'), {
    default: '500B',
    doc: 'Bytes a second that a body must come with (then 408) and a response be taken with, after `timeouts.body_grace`. 0B: any.',
  }),
}

export const forwardOptions = {
  x_forwarded: option(wordOrFlag(xForwardedModes), {
    default: 'append',
    doc: '`X-Forwarded-For`, `-Proto` and `-Port`. `append` (or `true`): the client is added to the first and the others are set, or kept where a proxy of `trust` has set them. `replace`: the same, but the first begins anew. `remove`: none is sent. `preserve` (or `false`): they are left as they come.',
  }),
  request_id: option(word(['keep', 'replace', 'off']), {
    default: 'keep',
    doc: '`X-Request-ID`: keep a well-formed one of the client and make one where there is none; always make a new one; or leave the field alone.',
  }),
  via: option(
    text(
      '`off` or a name',
      '"off" or a pseudonym of up to 64 letters, digits, ".", "_" and "-"',
      /^[A-Za-z0-9._-]{1,64}$/,
    ),
    {
      default: 'off',
      doc: 'Pseudonym of this proxy in the `Via` field of requests.',
    },
  ),
}

export const bindSchema = z
  .strictObject({
    address: required(bindAddress(), 'Where to listen.'),
    tls: option(bindTls(), { otherwise: "the frontend's `tls`", doc: 'TLS of this bind alone; `off`: none.' }),
    proxy_protocol: option(proxyProtocol(), {
      otherwise: "the frontend's `proxy_protocol`",
      doc: 'The PROXY protocol on this bind alone; a map goes before what the frontend says, option by option.',
    }),
    backend: option(name(), {
      otherwise: "the frontend's `backend`",
      doc: 'Backend for what comes in here and no route matches, of the mode of the frontend.',
    }),
  })
  .meta({ id: 'bind', title: 'Bind' })

export const routeSchema = z
  .strictObject({
    host: option(hostPattern(), {
      otherwise: 'any host',
      doc: 'Host that the request names, compared without case and port. `*.example.com` matches every name below.',
    }),
    path: option(text('path', 'a path that begins with "/", without query', /^\/[^?#\s]*$/), {
      otherwise: 'any path',
      doc: 'Prefix of whole segments: `/api` matches `/api` and `/api/users`, not `/apis`.',
    }),
    backend: required(name(), 'Backend that gets the requests.'),
    priority: priority(
      { otherwise: "the frontend's" },
      'Place of its requests in the queue of a backend that is full.',
    ),
  })
  .meta({ id: 'route', title: 'Route' })

export const frontendSchema = z
  .strictObject({
    mode: option(word(modes), {
      default: 'http',
      doc: '`http`: requests are read, routed and balanced one by one. `tcp`: connections are passed on untouched.',
    }),
    bind: required(
      either(bindAddress(), bindSchema, listOf(either(bindAddress(), bindSchema))),
      'Where to listen: `:8080` and `*:8080` (all addresses, IPv4 and IPv6), `8080`, `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/weir/web.sock`; one or a list. Port 0: the system chooses.',
    ),
    tls: option(tls(), {
      otherwise: 'no TLS',
      doc: 'TLS for all binds of the frontend. A PEM file alone is enough: `tls: web.pem`.',
    }),
    backend: option(name(), {
      otherwise: 'none: 404',
      doc: 'Backend for what no route matches. Needed when there are neither routes nor `health`, and a bind has no `backend` of its own.',
    }),
    routes: option(z.array(routeSchema), {
      otherwise: 'none',
      doc: 'Choice of the backend by host and path, http mode only. In order; the first that matches wins.',
    }),
    max_connections: option(integer(1, 10_000_000), {
      otherwise: 'the limit of `global`',
      doc: 'Connections from clients to this frontend, over all workers; beyond it, new ones wait for a few seconds, then get 503.',
    }),
    access_log: option(flag(), {
      default: true,
      doc: 'Whether this frontend writes to the access log, when there is one.',
    }),
    timeouts: group(frontendTimeouts, 'How long to wait for the client.'),
    limits: group(limitOptions, 'How large and how slow requests may be.'),
    priority: priority(
      { default: 'normal' },
      '`high`: its requests (tcp: connections) wait before those of the others when a backend is full.',
    ),
    clients: group(
      clientOptions,
      'Who may come, and how much one source may ask for. In tcp mode, who is refused is not answered.',
    ),
    ...tierOptions,
    ...requestOptions,
    forward: group(forwardOptions, 'What servers are told about the client.'),
  })
  .meta({ id: 'frontend', title: 'frontends' })
