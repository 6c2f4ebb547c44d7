// Options of `persistence`: how the requests of one client stay on one server, by a cookie or by a table.
import { z } from 'zod'
import { isHostName } from './address.ts'
import { duration, either, flag, integer, judged, listOf, option, path, required, text, word } from './options.ts'
import { keyPart } from './schema-balance.ts'

/** token of RFC 9110, which is what RFC 6265 allows for the name of a cookie. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/

const cookieName = () => text('cookie name', 'the name of a cookie, such as "SERVERID"', token)

/** Words that somebody may write in the belief that they choose a way. */
const waysNotNames: ReadonlySet<string> = new Set([
  'on',
  'true',
  'cookie',
  'app_cookie',
  'table',
  'client',
  'source',
  'sni',
])

const offOrCookie = judged(
  z.string(),
  { kind: '`off` or a cookie name', expects: '"off", the name of a cookie such as "SERVERID", or a map' },
  (value) =>
    token.test(value) && !waysNotNames.has(value)
      ? null
      : 'expected "off", the name of a cookie such as "SERVERID", or a map such as {table: client}',
)

export const cookieModes = ['insert', 'rewrite', 'prefix'] as const

/** Plain options of the cookie. */
export const cookieOptions = {
  mode: option(word(cookieModes), {
    default: 'insert',
    doc: '`insert`: a cookie of its own. `rewrite`: a cookie that the server sets, whose value is replaced. `prefix`: the same, but what the server set stays behind a `~` and reaches it again.',
  }),
  indirect: option(flag(), {
    default: true,
    doc: 'insert: servers do not see the cookie, and it is set only where it is not right already.',
  }),
  nocache: option(flag(), {
    default: true,
    doc: 'Responses that set the cookie say `Cache-Control: private`, so that no cache hands it to others.',
  }),
  httponly: option(flag(), { default: true, doc: 'insert: scripts in the browser do not see the cookie.' }),
  path: option(text('path', 'a path that begins with "/"', /^\/[!-:<-~]*$/), {
    default: '/',
    doc: 'insert: path of the cookie.',
  }),
  max_idle: option(duration('0s', '365d'), {
    default: '0s',
    doc: 'insert: not valid any more so long after it was last seen. 0s: for ever.',
  }),
  max_life: option(duration('0s', '365d'), {
    default: '0s',
    doc: 'insert: not valid any more so long after it was first set. 0s: for ever.',
  }),
}

export const sameSiteWords = ['lax', 'strict', 'none', 'unset'] as const

export const cookieSchema = z
  .strictObject({
    name: required(cookieName(), 'Name of the cookie.'),
    ...cookieOptions,
    secure: option(flag(), {
      otherwise: 'true where all binds of all frontends that use the backend have TLS',
      doc: 'insert: browsers send the cookie over TLS alone.',
    }),
    samesite: option(word(sameSiteWords), {
      default: 'lax',
      doc: 'insert: whether browsers send it with requests that come from other sites. `none` needs `secure`; `unset`: nothing is said.',
    }),
    domain: option(
      judged(z.string(), { kind: 'domain', expects: 'a domain such as "example.com"' }, (value) =>
        isHostName(value.replace(/^\./, '')) ? null : 'expected a domain such as "example.com"',
      ),
      { otherwise: 'the host of the request alone', doc: 'insert: domain of the cookie, whose hosts all get it.' },
    ),
    key_file: option(path(), {
      otherwise: 'a key that follows from the name of the backend',
      doc: 'File with at least 16 secret bytes, the same on all machines. Cookies name servers by a hash under this key: with a file, nobody can verify a guess of the name of a server.',
    }),
  })
  .meta({ id: 'persistence_cookie', title: 'Persistence cookie' })

export const persistenceSchema = z
  .strictObject({
    cookie: option(either(cookieName(), cookieSchema), {
      otherwise: 'none',
      doc: 'A cookie that names the server. The name alone, or more options.',
    }),
    app_cookie: option(cookieName(), {
      otherwise: 'none',
      doc: 'A cookie that servers set themselves, such as `JSESSIONID`: who got which value is remembered in a table.',
    }),
    table: option(either(...keyPart().options, listOf(keyPart())), {
      otherwise: 'none',
      doc: 'What requests must have in common to stay together, as `key` of `balance`; which server they are on is remembered. In tcp mode `client` or `sni`.',
    }),
    idle: option(duration('1s', '24d'), {
      otherwise: '30m for `table`, 3h for `app_cookie`',
      doc: 'Tables: a session that is not seen for so long is forgotten.',
    }),
    entries: option(integer(64, 4_194_304), {
      default: 100_000,
      doc: 'Tables: sessions remembered at a time; those not seen for longest give way.',
    }),
    strict: option(flag(), {
      default: false,
      doc: 'Requests whose server is down get 503. Otherwise they go to another one, and stay there.',
    }),
  })
  .meta({ id: 'persistence', title: 'Persistence' })

export const persistence = () =>
  option(either(offOrCookie, persistenceSchema), {
    default: 'off',
    doc: 'Keeps the requests of a client on one server: `off`, the name of a cookie, or a map. Exactly one of `cookie`, `app_cookie` and `table`.',
  })
