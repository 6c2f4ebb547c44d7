// The whole configuration file, put together from its sections. From here come the reader (read.ts), the JSON Schema for
// editors and the manual (generate.ts), and, by inference, the types of what is written.
import { z } from 'zod'
import { flag, group, integer, name, option, required, word } from './options.ts'
import { acmeSchema } from './schema-acme.ts'
import { balance } from './schema-balance.ts'
import { backendSchema, backendTimeouts, healthCheck, httpOptions, poolOptions, slowStart } from './schema-backend.ts'
import { priority, requestOptions, sharedClientOptions } from './schema-clients.ts'
import { defaultBreaker, failureOptions } from './schema-failures.ts'
import { forwardOptions, frontendSchema, frontendTimeouts, limitOptions, modes } from './schema-frontend.ts'
import { globalSchema } from './schema-global.ts'

const defaultsSchema = z
  .strictObject({
    mode: option(word(modes), { default: 'http', doc: 'Mode of frontends.' }),
    access_log: option(flag(), { default: true, doc: 'Whether frontends write to the access log.' }),
    max_connections: option(integer(1, 10_000_000), {
      otherwise: 'the limit of `global`',
      doc: 'Connections from clients to each frontend. Limits of backends are for themselves alone.',
    }),
    balance: option(balance(), {
      default: 'adaptive',
      doc: 'How backends choose a server. One that says `balance` itself takes nothing from here.',
    }),
    health_check: option(healthCheck(), { default: 'tcp', doc: 'How backends check their servers.' }),
    ...poolOptions,
    slow_start: slowStart(),
    ...failureOptions,
    circuit_breaker: defaultBreaker(),
    limits: group(limitOptions, 'How large and how slow requests may be.'),
    priority: priority(
      { default: 'normal' },
      'Place of the requests of frontends in the queue of a backend that is full.',
    ),
    clients: group(sharedClientOptions, 'How much one source may ask for.'),
    ...requestOptions,
    forward: group(forwardOptions, 'What servers are told about the client.'),
    http: group(httpOptions, 'http mode only.'),
    timeouts: group({ ...frontendTimeouts, ...backendTimeouts }, 'How long to wait, for clients and for servers.'),
  })
  .meta({ id: 'defaults', title: 'defaults' })

export const configSchema = z
  .strictObject({
    global: globalSchema.optional().meta({ description: 'The process as a whole.' }),
    defaults: defaultsSchema
      .optional()
      .meta({ description: 'What frontends and backends go by where they do not say otherwise.' }),
    acme: acmeSchema
      .optional()
      .meta({ description: 'The authority that certificates are ordered from, by themselves.' }),
    frontends: required(z.record(name(), frontendSchema).meta({ nonEmpty: true }), 'Where clients arrive, by name.'),
    backends: required(z.record(name(), backendSchema).meta({ nonEmpty: true }), 'Where their requests go, by name.'),
  })
  .meta({ title: 'Configuration of Weir' })

/** What is left of a value when parts of it were wrong: those parts are undefined, and reported. */
export type Salvaged<T> = T extends readonly (infer Item)[]
  ? readonly (Salvaged<Item> | undefined)[]
  : T extends string | number | boolean
    ? T
    : T extends object
      ? { readonly [K in keyof T]?: Salvaged<T[K]> | undefined }
      : T

export type ConfigText = Salvaged<z.infer<typeof configSchema>>
export type GlobalText = NonNullable<ConfigText['global']>
export type DefaultsText = NonNullable<ConfigText['defaults']>
export type FrontendText = Salvaged<z.infer<typeof frontendSchema>>
export type BackendText = Salvaged<z.infer<typeof backendSchema>>
