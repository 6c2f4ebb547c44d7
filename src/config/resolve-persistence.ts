// `persistence` as written to a PersistenceConfig: one of three ways, the key of the cookie's hash, and what has no use in
// the mode of the backend or with the way that was chosen.
import { createHash } from 'node:crypto'
import type { Mode } from '../model/states.ts'
import { ms, type Millis } from '../model/units.ts'
import type { CookieConfig, PersistenceConfig, SessionTableConfig } from './config.ts'
import { readNamedBytes } from './files.ts'
import { requestSources } from './key-part.ts'
import type { Problems } from './problems.ts'
import { keyParts } from './resolve-balance.ts'
import { cookieOptions, cookieSchema, persistenceSchema, type sameSiteWords } from './schema-persistence.ts'
import type { BackendText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { child, keyPlace, show, type Node } from './tree.ts'

type PersistenceText = Exclude<NonNullable<BackendText['persistence']>, string>
type CookieText = Exclude<NonNullable<PersistenceText['cookie']>, string>

/** The backend that it is for. */
export interface PersistenceUse {
  readonly name: string
  readonly mode: Mode
  /** A frontend that uses it terminates TLS, or nobody uses it. */
  readonly tls: boolean
  /** Clients reach it over TLS alone. */
  readonly tlsAlone: boolean
}

const ways = ['cookie', 'app_cookie', 'table'] as const
const defaultIdle = { app_cookie: 3 * 3_600_000, table: 30 * 60_000 } as const
/** Fewer bytes than this can be guessed. */
const leastKey = 16

export function resolvePersistence(
  written: BackendText['persistence'],
  node: Node | undefined,
  use: PersistenceUse,
  problems: Problems,
): PersistenceConfig | null {
  if (written === undefined || written === 'off' || !node) return null
  const text: PersistenceText = typeof written === 'string' ? { cookie: written } : written
  const said =
    typeof written === 'string' ? (['cookie'] as const) : ways.filter((way) => child(node, way) !== undefined)
  const [way, second] = said
  if (way === undefined) {
    problems.add(node.place, 'MISSING', 'persistence has none of cookie, app_cookie and table')
    return null
  }
  const at = (key: string) => (node.kind === 'map' ? keyPlace(node, key) : node.place)
  if (second !== undefined) {
    problems.add(
      at(second),
      'BAD_VALUE',
      `persistence takes one of cookie, app_cookie and table: ${way} is said already`,
    )
  }
  if (way !== 'table' && use.mode === 'tcp') {
    const message = `${use.name} is of mode tcp and sees no cookies: its sessions can be told by table: client or table: sni`
    problems.add(at(way), 'MODE_CONFLICT', message)
  }
  if (way === 'cookie' && node.kind === 'map') {
    for (const key of ['idle', 'entries']) {
      if (!node.entries.has(key)) continue
      const instead = key === 'idle' ? '; max_idle of the cookie is what counts' : ', which needs no memory'
      problems.add(keyPlace(node, key), 'NO_EFFECT', `${key} does nothing with a cookie${instead}`)
    }
  }
  const { shape } = persistenceSchema
  const idle = text.idle === undefined ? null : (settleOne(shape.idle, text.idle) as Millis)
  const entries = settleOne(shape.entries, text.entries) as number
  const table = (rest: Pick<SessionTableConfig, 'by' | 'cookie'>, otherwise: number): SessionTableConfig => ({
    ...rest,
    entries,
    idle: idle ?? ms(otherwise),
  })
  return {
    strict: settleOne(shape.strict, text.strict) as boolean,
    cookie: way === 'cookie' ? resolveCookie(text.cookie, child(node, 'cookie') ?? node, use, problems) : null,
    table:
      way === 'app_cookie'
        ? table({ by: [], cookie: text.app_cookie ?? '' }, defaultIdle.app_cookie)
        : way === 'table'
          ? table({ by: partsOf(text.table, child(node, 'table')!, use, problems), cookie: null }, defaultIdle.table)
          : null,
  }
}

function partsOf(
  text: PersistenceText['table'],
  node: Node,
  { name, mode, tls }: PersistenceUse,
  problems: Problems,
): SessionTableConfig['by'] {
  const placed = text === undefined ? [] : keyParts(text, node, problems)
  for (const { part, node: at } of placed) {
    if (mode === 'tcp' && requestSources.has(part.source)) {
      const message = `${name} is of mode tcp and sees no requests: its sessions can be told by client and sni, not by ${part.source}`
      problems.add(at.place, 'MODE_CONFLICT', message)
    } else if (mode === 'http' && part.source === 'sni' && !tls) {
      const message = `No frontend that uses ${name} terminates TLS: its requests have no sni, so that nothing is remembered`
      problems.add(at.place, 'UNWISE_RULE', message)
    }
  }
  return placed.map(({ part }) => part)
}

/** The other modes pass on a cookie of the server's, with the attributes that it has there. */
const insertAlone = ['indirect', 'max_idle', 'max_life', 'httponly', 'secure', 'samesite', 'domain', 'path']

const sameSite: Readonly<Record<(typeof sameSiteWords)[number], CookieConfig['samesite']>> = {
  lax: 'Lax',
  strict: 'Strict',
  none: 'None',
  unset: null,
}

function resolveCookie(
  written: PersistenceText['cookie'],
  node: Node,
  { name: backend, tlsAlone }: PersistenceUse,
  problems: Problems,
): CookieConfig {
  const text: CookieText = typeof written === 'string' ? { name: written } : (written ?? {})
  const { shape } = cookieSchema
  const plain = settle(cookieOptions, text)
  if (node.kind === 'map' && plain.mode !== 'insert') {
    for (const key of insertAlone) {
      const message = `${key} does nothing in mode ${plain.mode}: the cookie is the server's, with its attributes`
      if (node.entries.has(key)) problems.add(keyPlace(node, key), 'NO_EFFECT', message)
    }
  }
  const secure = text.secure ?? tlsAlone
  const site = sameSite[settleOne(shape.samesite, text.samesite) as keyof typeof sameSite]
  if (site === 'None' && !secure && plain.mode === 'insert') {
    const message = 'samesite: none needs secure: true: browsers refuse such a cookie otherwise'
    problems.add(child(node, 'samesite')!.place, 'BAD_VALUE', message)
  }
  return {
    ...plain,
    name: text.name ?? '',
    secure,
    samesite: site,
    domain: text.domain ?? null,
    key: keyOf(text.key_file, child(node, 'key_file'), backend, problems),
  }
}

/** 32 bytes: of the file, or of the backend's name, which are the same on every machine and after a restart. */
function keyOf(path: string | undefined, node: Node | undefined, backend: string, problems: Problems): Uint8Array {
  const content = path === undefined || !node ? null : readNamedBytes(path, node, problems)
  if (content !== null && node && content.length < leastKey) {
    problems.add(
      node.place,
      'BAD_VALUE',
      `The file ${show(node)} holds less than ${leastKey} bytes, which can be guessed`,
    )
  }
  // a plain Uint8Array on memory of its own, not a Buffer of the shared pool: it crosses the thread boundary
  return new Uint8Array(
    createHash('sha256')
      .update(content ?? `weir cookie ${backend}`)
      .digest(),
  )
}
