// Options about the proxies before Weir and behind it: whose word is taken for who the client is (fields of requests, the
// PROXY protocol), what a load balancer in front learns from health checks, and what servers are told by the PROXY protocol.
// All of it is off unless somebody says more: nobody is trusted by default.
import { z } from 'zod'
import { duration, either, flag, integer, listOf, name, option, required, text, word } from './options.ts'
import { exactPath, network, networks } from './schema-clients.ts'

export const xForwardedModes = ['append', 'replace', 'remove', 'preserve'] as const

export const trustFields = ['x-forwarded-for', 'forwarded'] as const

export const trustField = option(word(trustFields), {
  default: 'x-forwarded-for',
  doc: 'Field that these proxies append the client to.',
})

export const trustSchema = z
  .strictObject({ networks: required(networks(), 'Networks that they are in, one or a list.'), field: trustField })
  .meta({ id: 'trust', title: 'Trusted proxies' })

/** What layers option by option: a bind over its frontend. `from` comes from `trust` where nobody says it. */
export const proxyOptions = {
  mode: option(word(['required', 'optional']), {
    default: 'required',
    doc: '`required`: a connection without a header, or with a bad one, is closed. `optional`: one without a header is taken as it is.',
  }),
  timeout: option(duration('100ms', '1m'), { default: '3s', doc: 'For the whole header.' }),
}

export const proxySchema = z
  .strictObject({
    from: option(networks(), {
      otherwise: "the frontend's `trust`",
      doc: 'Networks that may send a header. Nobody else is believed: with `required`, their connections are closed. Not needed for unix sockets, where whoever may open one is believed.',
    }),
    ...proxyOptions,
  })
  .meta({ id: 'proxy_protocol', title: 'PROXY protocol' })

export const proxyProtocol = () => either(word(['off', 'required', 'optional']), proxySchema)

export const failWhenSchema = z
  .strictObject({
    backend: required(name(), 'Any backend.'),
    fewer_than: option(integer(1, 65_535), { default: 1, doc: 'Servers that must be up for readiness.' }),
  })
  .meta({ id: 'fail_when', title: 'Condition of readiness' })

export const healthCounted = option(flag(), {
  default: false,
  doc: 'Whether these requests are in the metrics and the access log.',
})

export const healthSchema = z
  .strictObject({
    path: required(
      exactPath(),
      'Path that is answered, compared as a whole and without query. `/live` below it is 200 as long as Weir answers at all.',
    ),
    fail_when: option(either(failWhenSchema, z.array(failWhenSchema)), {
      otherwise: 'each backend of the frontend with `fewer_than: 1`',
      doc: 'Not ready (503) while one of these holds, one or a list. `[]`: only a stop ends readiness.',
    }),
    counted: healthCounted,
  })
  .meta({ id: 'health', title: 'Health endpoint' })

export const tierOptions = {
  behind: option(word(['elb']), {
    otherwise: 'nobody in particular',
    doc: '`elb`: an Elastic Load Balancer of AWS is in front. Sets `timeouts.keep_alive` to at least 75s, `forward.x_forwarded` to `append` and `health` to `/healthz` unless the frontend itself says otherwise, and has `weir check` look for what does not go with one. Trusted networks are never guessed: say `trust`.',
  }),
  trust: option(either(network(), listOf(network()), trustSchema), {
    otherwise: 'nobody',
    doc: 'Networks of the proxies in front. What they say is taken for the address of the client (`X-Forwarded-For`, read from right to left up to the first address that is not among them), and `X-Forwarded-Proto` and `-Port` are kept.',
  }),
  proxy_protocol: option(proxyProtocol(), {
    default: 'off',
    doc: 'The PROXY protocol, versions 1 and 2: a header before everything else, TLS included, says who the client is. Only from networks that are listed, here or in `trust`.',
  }),
  health: option(
    either(text('`off` or a path', '"off" or a path such as "/healthz"', /^(off|\/[^?#\s]*)$/), healthSchema),
    {
      otherwise: '`off`; with `behind: elb`, `/healthz`',
      doc: 'Path that Weir answers itself (GET and HEAD), before limits and routes, for the checks of a load balancer in front: 200 when it is ready, else 503 and why. A path alone: ready while each backend of the frontend has a server up. http mode only.',
    },
  ),
}

export const proxyTlvs = ['sni', 'alpn', 'tls', 'unique_id'] as const

export const sendProxySchema = z
  .strictObject({
    version: option(integer(1, 2), { default: 2, doc: '1 is a line of text, 2 is binary and can tell more.' }),
    tlvs: option(z.array(word(proxyTlvs)), {
      otherwise: 'none',
      doc: 'What version 2 tells besides addresses: `sni` (the name that the client asked for), `alpn`, `tls` (version and cipher), `unique_id` (of the connection).',
    }),
  })
  .meta({ id: 'send_proxy', title: 'PROXY protocol to servers' })

export const sendProxy = () =>
  option(either(word(['off', 'v1', 'v2']), sendProxySchema), {
    default: 'off',
    doc: 'Tells servers who the client is: every connection to them begins with a header of the PROXY protocol, health checks included. In http mode, a connection then serves one client alone.',
  })
