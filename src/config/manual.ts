// docs/configuration.md: a guide in words (manual-guide.ts and the parts that are named like it), then tables of every
// option from their declarations, then the codes of problems. What an option means is written where the option is declared, not here.
import { z } from 'zod'
import { balancingGuide } from './manual-balancing.ts'
import { codesIntro, guide, sectionIntros } from './manual-guide.ts'
import { factsOf } from './options.ts'
import { problemCodes } from './problems.ts'
import { formOf } from './read.ts'
import { protectionGuide } from './manual-protection.ts'
import { tiersGuide } from './manual-tiers.ts'
import { acmeDnsSchema, acmeSchema, eabSchema } from './schema-acme.ts'
import { balanceSchema, keyPartSchema } from './schema-balance.ts'
import { backendSchema, checkSchema, serverSchema } from './schema-backend.ts'
import { normalizeSchema, rateSchema } from './schema-clients.ts'
import { breakerSchema, ejectionSchema } from './schema-failures.ts'
import { bindSchema, frontendSchema, routeSchema } from './schema-frontend.ts'
import { accessLogSchema, globalSchema, ticketKeysSchema } from './schema-global.ts'
import { cookieSchema, persistenceSchema } from './schema-persistence.ts'
import { serverTlsSchema } from './schema-server-tls.ts'
import { failWhenSchema, healthSchema, proxySchema, sendProxySchema, trustSchema } from './schema-tiers.ts'
import { certificateSchema, clientAuthSchema, hstsSchema, passthroughSchema, tlsSchema } from './schema-tls.ts'
import { configSchema } from './schema.ts'

type Schema = z.core.$ZodType

/** In the order of the manual. `defaults` is not a table: it takes what the others take. */
const sections: readonly z.ZodObject[] = [
  globalSchema,
  accessLogSchema,
  ticketKeysSchema,
  acmeSchema,
  eabSchema,
  acmeDnsSchema,
  frontendSchema,
  bindSchema,
  tlsSchema,
  certificateSchema,
  clientAuthSchema,
  hstsSchema,
  passthroughSchema,
  trustSchema,
  proxySchema,
  healthSchema,
  failWhenSchema,
  rateSchema,
  normalizeSchema,
  routeSchema,
  backendSchema,
  balanceSchema,
  keyPartSchema,
  serverSchema,
  serverTlsSchema,
  sendProxySchema,
  checkSchema,
  ejectionSchema,
  breakerSchema,
  persistenceSchema,
  cookieSchema,
]

export function configurationManual(): string {
  const tables = sections.map((schema) => {
    const { title } = factsOf(schema)
    const intro = sectionIntros[title!]
    return [`### ${title}`, '', ...(intro ? [intro, ''] : []), ...tableHead, ...rowsOf(schema), ''].join('\n')
  })
  const codes = Object.entries(problemCodes).map(
    ([code, { severity, text }]) => `| \`${code}\` | ${severity} | ${text} |`,
  )
  return [
    '<!-- Generated from src/config by `npm run generate`; do not edit. -->',
    guide,
    balancingGuide,
    protectionGuide,
    tiersGuide,
    '## Reference',
    '',
    ...tables,
    '### defaults',
    '',
    ...defaultsList(),
    '',
    codesIntro,
    '| Code | Severity | Meaning |',
    '|---|---|---|',
    ...codes,
    '',
  ].join('\n')
}

const tableHead = ['| Option | Type | Default | Bounds | Meaning |', '|---|---|---|---|---|']

/** A line for each option; maps without a heading of their own are opened in place, with dotted names. */
function rowsOf(schema: z.ZodObject, prefix = ''): string[] {
  return Object.entries(schema.shape).flatMap(([key, option]) => {
    const facts = factsOf(option)
    const inner = option instanceof z.ZodOptional ? option.unwrap() : option
    const name = `\`${prefix}${key}\``
    if (inner instanceof z.ZodObject && factsOf(inner).title === undefined) {
      return [`| ${name} | map | | | ${facts.description ?? ''} |`, ...rowsOf(inner, `${prefix}${key}.`)]
    }
    const needed = !(option instanceof z.ZodOptional)
    const fallback = facts.default === undefined ? facts.otherwise : `\`${facts.default}\``
    const cells = [
      name,
      typeOf(inner),
      needed ? '**required**' : (fallback ?? ''),
      boundsOf(inner),
      facts.description ?? '',
    ]
    return [`| ${cells.join(' | ')} |`]
  })
}

function boundsOf(schema: Schema): string {
  const { bounds, unit } = factsOf(schema)
  const words = unit === 'ms' || unit === 'bytes' || unit === '%' ? undefined : unit
  return [bounds, words].filter((each) => each !== undefined).join(' ')
}

/** The forms a value can have, in words. */
function typeOf(schema: Schema): string {
  const form = formOf(schema)
  const { title } = factsOf(schema)
  switch (form.type) {
    case 'leaf':
      return factsOf(schema).kind!
    case 'map':
      return title === undefined ? `\`{${Object.keys(form.shape).join(', ')}}\`` : `[${title}](#${anchor(title)})`
    case 'names':
      return `map of names to ${typeOf(form.value)}`
    case 'list':
      return `list (${typeOf(form.item)})`
    case 'either':
      return eitherOf(form.forms)
  }
}

function eitherOf(forms: readonly Schema[]): string {
  const words: string[] = []
  const single = forms.filter((each) => !['list', 'names'].includes(formOf(each).type)).map(typeOf)
  for (const each of forms) {
    const form = formOf(each)
    if (form.type === 'list' && typeOf(form.item) === single.join(', or ')) words.push('a list of those')
    else if (form.type === 'names') words.push('a map of names to the same')
    else words.push(typeOf(each))
  }
  return words.join(', or ')
}

function defaultsList(): string[] {
  const defaults = configSchema.shape.defaults.unwrap()
  const names = (schema: z.ZodObject): string[] =>
    Object.entries(schema.shape).flatMap(([key, option]) => {
      const inner = option instanceof z.ZodOptional ? option.unwrap() : option
      return inner instanceof z.ZodObject ? names(inner).map((each) => `${key}.${each}`) : [key]
    })
  const known = names(defaults)
  const of = (schema: z.ZodObject, except: readonly string[] = []): string => {
    const own = new Set(names(schema).filter((each) => !except.includes(each)))
    return known
      .filter((each) => own.has(each))
      .map((each) => `\`${each}\``)
      .join(', ')
  }
  return [
    sectionIntros['defaults']!,
    '',
    `- of [frontends](#frontends): ${of(frontendSchema)}`,
    `- of [backends](#backends): ${of(backendSchema, ['max_connections'])}`,
  ]
}

/** As GitHub makes the anchor of a heading. */
const anchor = (title: string): string => title.toLowerCase().replaceAll(' ', '-')
