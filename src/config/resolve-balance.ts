// `balance` as written to a BalanceConfig, and what there is to say about it: options that the algorithm does not read,
// keys that are not there in this mode, and choices that work but are unwise where they stand.
import { basename } from 'node:path'
import { keyedBalancers, type BalancerName, type KeyPart } from '../model/balancers.ts'
import type { Mode } from '../model/states.ts'
import type { BalanceConfig } from './config.ts'
import { absolute, readNamedFile } from './files.ts'
import { namedSources, nameTrouble, parseKeyPart, requestSources } from './key-part.ts'
import type { Problems } from './problems.ts'
import { balanceOptions, keyNumbers, readers } from './schema-balance.ts'
import { backendSchema } from './schema-backend.ts'
import type { BackendText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node, type Place } from './tree.ts'

type BalanceText = Exclude<NonNullable<BackendText['balance']>, string>
export type KeyText = NonNullable<BalanceText['key']>
type KeyPartMap = Exclude<KeyText, string | readonly unknown[]>

/** A `balance` that is read, with the places that later remarks are about. */
export interface PlacedBalance {
  readonly config: BalanceConfig
  /** Where the algorithm is named; null: nowhere, it is the default. */
  readonly place: Place | null
  /** `key` is written. */
  readonly keyed: boolean
  /** The parts of the key that are written, each with its node. */
  readonly parts: readonly PlacedPart[]
}

export interface PlacedPart {
  readonly part: KeyPart
  readonly node: Node
}

/** Looks at the text alone; what depends on the backend is for adviseBalance. */
export function resolveBalance(
  written: BackendText['balance'],
  node: Node | undefined,
  problems: Problems,
): PlacedBalance {
  const text: BalanceText = typeof written === 'string' ? { algorithm: written } : (written ?? {})
  const file = text.file === undefined ? null : absolute(text.file, child(node, 'file')!)
  const named = text.algorithm ?? (settleOne(backendSchema.shape.balance) as BalancerName)
  const algorithm = file === null ? named : basename(file)
  const keyNode = child(node, 'key')
  const parts = text.key === undefined || !keyNode ? [] : keyParts(text.key, keyNode, problems)
  if (node?.kind === 'map') checkOptions(text, node, problems)
  if (algorithm === 'source') {
    for (const { part, node: at } of parts) {
      const message = `source follows the client address, not ${part.source}: for another key, take hash`
      if (part.source !== 'client') problems.add(at.place, 'BAD_VALUE', message)
    }
  }
  const followsKey = file !== null || keyedBalancers.has(algorithm)
  return {
    config: {
      algorithm,
      file,
      options: settle(balanceOptions, text),
      key: !followsKey ? [] : parts.length > 0 ? parts.map(({ part }) => part) : [clientAddress()],
    },
    place: text.algorithm === undefined ? null : (child(node, 'algorithm') ?? node)!.place,
    keyed: keyNode !== undefined,
    parts: followsKey ? parts : [],
  }
}

const clientAddress = (): KeyPart => ({ source: 'client', name: '', ...settle(keyNumbers) })

/** One of algorithm and file, and only options that it reads. */
function checkOptions(text: BalanceText, node: MapNode, problems: Problems): void {
  const said = (key: string): boolean => node.entries.has(key)
  if (said('algorithm') && said('file')) {
    problems.add(keyPlace(node, 'file'), 'BAD_VALUE', 'balance takes an algorithm or a file, not both')
  } else if (!said('algorithm') && !said('file')) {
    problems.add(node.place, 'MISSING', 'balance has neither an algorithm nor a file')
  } else if (text.file !== undefined) {
    readNamedFile(text.file, child(node, 'file')!, problems)
  }
  if (said('file') || text.algorithm === undefined) return
  for (const [option, names] of Object.entries(readers)) {
    if (!said(option) || names.has(text.algorithm)) continue
    const message = `${option} does nothing with ${text.algorithm}: it is for ${[...names].join(', ')}`
    problems.add(keyPlace(node, option), 'NO_EFFECT', message)
  }
}

/** The parts that are right, each with its node; what is wrong with the others is reported. */
export function keyParts(text: KeyText, node: Node, problems: Problems): PlacedPart[] {
  const many: readonly (string | KeyPartMap | undefined)[] = Array.isArray(text) ? text : [text]
  return many.flatMap((written, i): PlacedPart[] => {
    const at = Array.isArray(text) ? child(node, i) : node
    if (written === undefined || !at) return []
    const part = typeof written === 'string' ? shortPart(written) : longPart(written, at as MapNode, problems)
    return part === null ? [] : [{ part, node: at }]
  })
}

function shortPart(written: string): KeyPart | null {
  const parsed = parseKeyPart(written)
  return 'expected' in parsed ? null : keyPart(parsed.source, parsed.name, {})
}

/** Names of header fields are compared without case. */
const keyPart = (source: KeyPart['source'], name: string, numbers: KeyPartMap): KeyPart => ({
  source,
  name: source === 'header' ? name.toLowerCase() : name,
  ...settle(keyNumbers, numbers),
})

/** Options of a part, each with the sources that have a use for it. */
const partReaders: Readonly<Record<string, ReadonlySet<string>>> = {
  name: namedSources,
  prefix4: new Set(['client']),
  prefix6: new Set(['client']),
  depth: new Set(['uri', 'path']),
  length: new Set(['uri', 'path']),
}

function longPart(written: KeyPartMap, node: MapNode, problems: Problems): KeyPart | null {
  const { source, name } = written
  if (source === undefined) return null
  for (const [option, sources] of Object.entries(partReaders)) {
    if (!node.entries.has(option) || sources.has(source)) continue
    problems.add(keyPlace(node, option), 'NO_EFFECT', `${option} does nothing with the source ${source}`)
  }
  if (!namedSources.has(source)) return keyPart(source, '', written)
  const nameNode = child(node, 'name')
  if (!nameNode) problems.add(node.place, 'MISSING', `The source ${source} has no "name"`)
  if (name === undefined || !nameNode) return null
  const trouble = nameTrouble(source, name)
  if (trouble) problems.add(nameNode.place, 'BAD_VALUE', `Cannot read name: ${trouble.expected}, got ${show(nameNode)}`)
  return trouble ? null : keyPart(source, name, written)
}

/** The backend that a `balance` is for, in its own words or those of `defaults`. */
export interface BalanceUse {
  readonly name: string
  readonly mode: Mode
  /** Where remarks go that are not about words of the backend itself: to its name. */
  readonly keyPlace: Place
  /** `balance` stands in the backend, not in `defaults`. */
  readonly own: boolean
  /** Servers that are balanced over. */
  readonly servers: number
  /** A frontend that uses it terminates TLS. */
  readonly tls: boolean
}

/** leastconn looks at every server: at 256 that is 0.7 us for each pick, at 1024 2.5 us. */
const leastconnLimit = 256
/** A ring has 160 points for each server, and is searched for each pick. */
const ringLimit = 1000

/** What is wrong with it, or unwise, for this backend. */
export function adviseBalance(balance: PlacedBalance, use: BalanceUse, problems: Problems): void {
  const { config, keyed, parts } = balance
  const { algorithm, options } = config
  const { name, mode, servers, tls } = use
  const place = (use.own ? balance.place : null) ?? use.keyPlace
  const advise = (at: Place, message: string): void => problems.add(at, 'UNWISE_BALANCE', message)
  for (const { part, node } of parts) {
    if (mode === 'tcp' && requestSources.has(part.source)) {
      const message = `${name} is of mode tcp and sees no requests: its key can be made of client and sni, not of ${part.source}`
      problems.add(node.place, 'MODE_CONFLICT', message)
    } else if (mode === 'http' && part.source === 'sni' && !tls) {
      advise(
        node.place,
        `No frontend that uses ${name} terminates TLS: its requests have no sni, which is as good as no key`,
      )
    }
  }
  if (mode === 'tcp' && !keyed && config.file === null && (algorithm === 'hash' || algorithm === 'affinity')) {
    advise(
      place,
      `${algorithm} has no key: in tcp mode it follows the client address, and clients behind one address share a server. Say "key: client" if that is meant, or "key: sni" where TLS passes through`,
    )
  }
  if (algorithm === 'leastconn' && servers > leastconnLimit) {
    advise(
      place,
      `leastconn looks at all ${servers} servers of ${name} for each pick: above ${leastconnLimit}, adaptive or p2c cost less`,
    )
  }
  if (algorithm === 'hash' && options.table === 'ring' && servers > ringLimit) {
    advise(
      place,
      `A ring over the ${servers} servers of ${name} is slow to build and uneven: above ${ringLimit}, take maglev`,
    )
  }
}
