// Options that protect a frontend and what is behind it from its clients: who may come, how much one source may ask for,
// and what every request is held against before it is routed. All of them are off, or generous, unless somebody says more.
import { z } from 'zod'
import { networkWords, parseNetwork } from './network.ts'
import { duration, either, flag, integer, judged, listOf, onOff, option, required, text, word } from './options.ts'
import { parseRate, rateWords } from './rate.ts'

export const priorities = ['normal', 'high'] as const

export const priority = (facts: { default: 'normal' } | { otherwise: string }, doc: string) =>
  option(word(priorities), { ...facts, doc })

export const network = () =>
  judged(z.string(), { kind: 'network', expects: networkWords, code: 'BAD_NETWORK' }, (value) => {
    const parsed = parseNetwork(value)
    return 'expected' in parsed ? parsed.expected : null
  })

export const networks = () => either(network(), listOf(network()))

/** Read with parseRate. */
const rateText = (words: readonly string[] = []) => {
  const off = words.map((each) => `"${each}", or `).join('')
  const expects = `${off}${rateWords}`
  return judged(z.string(), { kind: off === '' ? 'rate' : '`off` or a rate', expects, code: 'BAD_RATE' }, (value) =>
    words.includes(value) || parseRate(value) ? null : `expected ${expects}`,
  )
}

export const rateSchema = z
  .strictObject({
    rate: required(rateText(), 'How often in the long run: `100/s`, `30/m`, `5000/h`.'),
    burst: option(integer(1, 1_000_000), {
      otherwise: 'what comes in a second; of a rate per minute or hour, a tenth of its number',
      doc: 'How many at once, after a silence.',
    }),
  })
  .meta({ id: 'rate', title: 'Rate' })

const rate = (doc: string) => option(either(rateText(['off']), rateSchema), { default: 'off', doc })

/** What layers option by option. */
export const clientNumbers = {
  prefix4: option(integer(1, 32), { default: 32, doc: 'Bits of an IPv4 address that make one source.' }),
  prefix6: option(integer(1, 128), {
    default: 64,
    doc: 'Bits of an IPv6 address that make one source. 64: a host may change the others at will, and does.',
  }),
  connections: option(integer(0, 10_000_000), {
    default: 0,
    doc: 'Connections at a time from one source, over all workers; then 429. 0: any number.',
  }),
  tarpit: option(duration('0s', '1m'), {
    default: '0s',
    doc: 'How long the answer to a source over its rate is held back, which slows down those that do not wait by themselves. 0s: not at all.',
  }),
}

/** What `defaults` takes too. */
export const sharedClientOptions = {
  exempt: option(networks(), {
    otherwise: 'nobody',
    doc: 'Networks that are never limited, held back or shed: health checkers, monitoring, your own.',
  }),
  connection_rate: rate('New connections from one source; then 429.'),
  request_rate: rate('Requests from one source, http mode only; then 429 with `Retry-After`.'),
  ...clientNumbers,
}

export const clientOptions = {
  allow: option(networks(), { otherwise: 'everybody', doc: 'Networks that may connect; all others get 403.' }),
  deny: option(networks(), { otherwise: 'nobody', doc: 'Networks that get 403, even where `allow` has them.' }),
  ...sharedClientOptions,
}

export const normalizeOptions = {
  dot_segments: option(flag(), {
    default: true,
    doc: '`/a/./b/../c` becomes `/a/c`, also where the dots are written `%2e`. A path that leads above the root is refused (400).',
  }),
  merge_slashes: option(flag(), { default: true, doc: '`//a///b` becomes `/a/b`.' }),
  encoded_separators: option(word(['keep', 'decode', 'refuse']), {
    default: 'keep',
    doc: '`%2f` and `%5c`: passed on as they are, taken for `/`, or refused (400).',
  }),
}

export const normalizeSchema = z
  .strictObject(normalizeOptions)
  .meta({ id: 'normalize_path', title: 'Path normalization' })

const methodTrouble = (value: string): string | null => {
  if (value === 'CONNECT')
    return 'expected a method other than CONNECT, which is always refused: Weir is no forward proxy'
  if (/^[!#$%&'*+.^_`|~0-9A-Z-]{1,32}$/.test(value)) return null
  return 'expected a method in capitals, such as "GET"'
}

const method = () => judged(z.string(), { kind: 'method', expects: 'a method such as "GET"' }, methodTrouble)

const anyOrMethod = judged(
  z.string(),
  { kind: '`any` or a method', expects: '"any" or a method such as "GET"' },
  (value) => (value === 'any' ? null : methodTrouble(value)),
)

/** Compared as a whole. */
export const exactPath = () => text('path', 'a path that begins with "/", without query', /^\/[^?#\s]*$/)

/** What every request is held against, before it is routed. */
export const requestOptions = {
  methods: option(either(anyOrMethod, listOf(method())), {
    default: 'any',
    doc: 'Methods that are let in, one or a list; the others get 405. `any`: all but CONNECT. http mode only.',
  }),
  normalize_path: option(either(onOff(), normalizeSchema), {
    default: 'off',
    doc: 'Brings paths into one form before they are matched and passed on, so that a route cannot be talked around. http mode only.',
  }),
  never_shed: option(either(exactPath(), listOf(exactPath())), {
    otherwise: 'none',
    doc: 'Paths, compared as a whole, whose requests go to servers even while load is shed: health checks of whoever is in front. http mode only.',
  }),
}
