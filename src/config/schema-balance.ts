// Options of `balance`: which algorithm chooses a server, its settings, and what the key of a request is made of.
// Which option is read by which algorithm stands here too; what is wrong or unwise about them is said in resolve-balance.ts.
import { z } from 'zod'
import {
  balancerNames,
  defaultBalanceOptions,
  hashTables,
  keyedBalancers,
  keySources,
  type BalanceOptions,
} from '../model/balancers.ts'
import { ms } from '../model/units.ts'
import { keyPartWords, parseKeyPart } from './key-part.ts'
import { decimal, duration, either, integer, judged, listOf, option, required, text, word } from './options.ts'
import { formatDuration } from './quantities.ts'

const { choices, table, bound, limit, decay } = defaultBalanceOptions

/** Settings of the algorithms; each reads its own. */
export const balanceOptions = {
  choices: option(integer(2, 16), { default: choices, doc: '`p2c`: servers drawn, of which the least busy is taken.' }),
  table: option(word(hashTables), {
    default: table,
    doc: '`hash`: `maglev` is even and fast; `ring` is that of Ketama, for servers shared with clients that use it.',
  }),
  bound: option(decimal(1, 10), {
    default: bound,
    doc: "`affinity`: a key leaves its server while that one costs more than this factor of the backend's mean.",
  }),
  limit: option(integer(1, 1_000_000), {
    default: limit,
    doc: '`first`: requests in flight (http) or connections (tcp) that fill a server of mean weight, over all workers.',
  }),
  decay: option(duration('100ms', '1h'), {
    default: formatDuration(ms(decay)),
    doc: '`peak-ewma`: how long a slow answer is held against a server: the memory of it fades to 37 % in this time.',
  }),
}

/** Who reads what. A balancer from a file may read everything. */
export const readers: Readonly<Record<keyof BalanceOptions | 'key', ReadonlySet<string>>> = {
  choices: new Set(['p2c']),
  table: new Set(['hash']),
  bound: new Set(['affinity']),
  limit: new Set(['first']),
  decay: new Set(['peak-ewma']),
  key: keyedBalancers,
}

/** Numbers of a part of a key. */
export const keyNumbers = {
  prefix4: option(integer(1, 32), { default: 32, doc: '`client`: bits of an IPv4 address that count.' }),
  prefix6: option(integer(1, 128), {
    default: 64,
    doc: '`client`: bits of an IPv6 address that count. 64: a host may change the others at will, and does.',
  }),
  depth: option(integer(0, 255), { default: 0, doc: '`uri`, `path`: segments that count, from the left. 0: all.' }),
  length: option(integer(0, 32_768), { default: 0, doc: '`uri`, `path`: bytes that count, from the left. 0: all.' }),
}

export const keyPartSchema = z
  .strictObject({
    source: required(
      word(keySources),
      '`client`: its address. `uri`: path and query. `path`: without the query. `header`, `cookie`, `query`: the value of the one with this `name`. `sni`: the server name of the TLS handshake, in tcp mode also of one that is passed on.',
    ),
    name: option(text('name', 'a name without spaces', /^[\x21-\x7e]{1,128}$/), {
      otherwise: 'none; `header`, `cookie` and `query` need one',
      doc: 'Name of the header field, cookie or parameter.',
    }),
    ...keyNumbers,
  })
  .meta({ id: 'key_part', title: 'Part of a key' })

export const keyPart = () =>
  either(
    judged(z.string(), { kind: keyPartWords.map((each) => `\`${each}\``).join(', '), expects: listed }, (value) => {
      const parsed = parseKeyPart(value)
      return 'expected' in parsed ? parsed.expected : null
    }),
    keyPartSchema,
  )
const listed = keyPartWords.map((each) => `"${each}"`).join(', ')

export const balanceSchema = z
  .strictObject({
    algorithm: option(word(balancerNames), { otherwise: 'needed, or `file`', doc: 'Name of the algorithm.' }),
    file: option(text('file path', 'the path of a ".ts" or ".js" file', /^[^\n\0]*\.[cm]?[jt]s$/), {
      otherwise: 'none',
      doc: 'A balancer of your own in place of an algorithm: a TypeScript or JavaScript file.',
    }),
    key: option(either(...keyPart().options, listOf(keyPart())), {
      otherwise: '`client`',
      doc: '`hash`, `affinity`, `source`: what requests must have in common to go to one server; a list is joined. `source` takes `client` alone.',
    }),
    ...balanceOptions,
  })
  .meta({ id: 'balance', title: 'Balance' })

/** The name of an algorithm alone, or with options. */
export const balance = () => either(word(balancerNames), balanceSchema)
