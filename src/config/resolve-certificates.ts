// The certificates of a bind as written, to where they come from: files, which are read here, and folders, the store and
// ACME, whose certificates come and go while Weir runs.
import { statSync } from 'node:fs'
import {
  readWritten,
  withKey,
  writtenCertificate,
  writtenPath,
  type ResolveContext,
  type WrittenCertificate,
} from './certificate-files.ts'
import type { AcmeChallenge, AcmeSource, CertificateSource } from './config-tls.ts'
import { absolute, fileTrouble, isFolder } from './files.ts'
import type { FrontendText } from './schema.ts'
import { certificateForms, certificateSchema } from './schema-tls.ts'
import { settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node, type Place } from './tree.ts'

export type TlsText = Exclude<NonNullable<FrontendText['tls']>, string>
type CertificateText = Exclude<TlsText['certificate'], readonly unknown[] | undefined>
type MapText = Exclude<CertificateText, string>

/** An order of a certificate, for the checks that need to see all frontends. */
export interface PlacedOrder {
  readonly challenge: AcmeChallenge
  readonly place: Place
}

export interface TlsContext extends ResolveContext {
  /** What the section `acme` says; null: there is none. */
  readonly acme: { readonly dns: boolean } | null
  /** Gathered on the way. */
  readonly orders: PlacedOrder[]
}

/** @param node of the `tls` option as a whole; a scalar is the path of a certificate */
export function resolveCertificates(options: TlsText, node: Node, context: TlsContext): CertificateSource[] {
  const written = node.kind === 'scalar' ? node : child(node, 'certificate')
  if (options.certificate === undefined || written === undefined) return []
  const many = Array.isArray(options.certificate)
  const texts = (many ? options.certificate : [options.certificate]) as readonly (CertificateText | undefined)[]
  const nodes = written.kind === 'list' ? written.items : [written]
  const keyed = node.kind === 'map' && node.entries.has('key')
  if (keyed && options.key === undefined) return [] // there is a key option, and it is wrong
  const key = writtenPath(options.key, node, 'key')
  const sources = texts.map((text, i) => sourceOf(text, nodes[i]!, context))
  const files = sources.map((source) => (source && 'cert' in source ? source : null))
  const alone = sources.length === 1 && !(sources[0] && 'kind' in sources[0])
  const paired = key ? withKey(files, key, node as MapNode, { problems: context.problems, alone }) : files
  const found: { source: CertificateSource; node: Node }[] = []
  for (const [i, source] of sources.entries()) {
    const pair = paired[i]
    const at = nodes[i]!
    if (pair) {
      const read = readWritten(pair, context)
      if (read === null) continue
      const certificate = { cert: read.cert, key: read.key, names: read.names, keyType: read.keyType }
      found.push({ source: { kind: 'file', path: absolute(...pair.cert), certificate }, node: at })
    } else if (source && 'kind' in source) found.push({ source, node: at })
  }
  warnOfClashes(found, context)
  return found.map(({ source }) => source)
}

type Written = WrittenCertificate | Exclude<CertificateSource, { kind: 'file' }>

function sourceOf(text: CertificateText | undefined, node: Node, context: TlsContext): Written | null {
  if (text === undefined) return null
  if (typeof text === 'string' || node.kind !== 'map') return single(text as string, node, context)
  const form = formOf(node, context)
  switch (form) {
    case null:
      return null
    case 'cert':
      return writtenCertificate(text, node)
    case 'folder': {
      const path = text.folder
      return path === undefined ? null : folder(path, child(node, 'folder')!, context)
    }
    case 'store':
      return text.store === undefined ? null : { kind: 'store', name: text.store }
    case 'acme':
      return order(text, node, context)
  }
}

/** The path of a file; of a folder there is another form. */
function single(path: string, node: Node, { problems }: TlsContext): WrittenCertificate | null {
  if (!isFolder(absolute(path, node))) return writtenCertificate(path, node)
  const message = `Cannot read the file ${show(node)}: it is a folder; for all certificates in it, write {folder: ${path}}`
  problems.add(node.place, 'UNREADABLE_FILE', message)
  return null
}

type Form = keyof typeof certificateForms
const forms = Object.keys(certificateForms) as Form[]

/** Which of the forms a map is; null: of none, or a mixture, which is reported. */
function formOf(node: MapNode, { problems }: TlsContext): Form | null {
  const [form, second] = [...node.entries.keys()].filter((key): key is Form => forms.includes(key as Form))
  if (form === undefined) {
    problems.add(node.place, 'MISSING', `A certificate needs one of ${forms.map((each) => `"${each}"`).join(', ')}`)
    return null
  }
  if (second !== undefined) {
    const message = `${form} and ${second} are different sources: write a list, [{${form}: ...}, {${second}: ...}]`
    problems.add(keyPlace(node, second), 'BAD_VALUE', message)
    return null
  }
  let mixed = false
  for (const { key, keyPlace: place } of node.entries.values()) {
    const owner = forms.find((each) => (certificateForms[each] as readonly string[]).includes(key))
    if (owner === undefined || owner === form) continue
    problems.add(place, 'BAD_VALUE', `${key} goes with ${owner}, not with ${form}`)
    mixed = true
  }
  return mixed ? null : form
}

function folder(
  path: string,
  node: Node,
  { problems }: TlsContext,
): Extract<CertificateSource, { kind: 'folder' }> | null {
  const full = absolute(path, node)
  const fail = (why: string): null => {
    problems.add(node.place, 'UNREADABLE_FILE', `Cannot read the folder ${show(node)}: ${why}`)
    return null
  }
  try {
    return statSync(full).isDirectory() ? { kind: 'folder', path: full } : fail('it is a file')
  } catch (error) {
    return fail(fileTrouble(error).replace('file', 'folder'))
  }
}

function order(text: MapText, node: MapNode, { problems, acme, orders }: TlsContext): AcmeSource | null {
  const { shape } = certificateSchema
  const written = Array.isArray(text.acme) ? text.acme : [text.acme]
  const wrong = (['challenge', 'key_type'] as const).some((key) => node.entries.has(key) && text[key] === undefined)
  if (wrong || written.includes(undefined)) return null // which the reader has reported
  const names = [...new Set(written.map((each: string) => each.toLowerCase()))]
  const place = keyPlace(node, 'acme')
  const challenge = settleOne(shape.challenge, text.challenge) as AcmeChallenge
  const said = child(node, 'challenge')?.place ?? place
  if (acme === null) {
    problems.add(place, 'MISSING', 'There is no section "acme" that says which authority certificates are ordered from')
    return null
  }
  const wildcard = names.find((each) => each.startsWith('*.'))
  if (wildcard !== undefined && challenge !== 'dns-01') {
    const message = `Cannot show that ${wildcard} is yours by ${challenge}: authorities take dns-01 alone for wildcards`
    problems.add(said, 'BAD_VALUE', message)
  } else if (challenge === 'dns-01' && !acme.dns) {
    problems.add(said, 'MISSING', 'dns-01 needs acme.dns, which says how records are made')
  } else orders.push({ challenge, place: said })
  return { kind: 'acme', names, challenge, keyType: settleOne(shape.key_type, text.key_type) as AcmeSource['keyType'] }
}

/** The second certificate of a name and a key type is never chosen for that name. */
function warnOfClashes(found: readonly { source: CertificateSource; node: Node }[], { problems }: TlsContext): void {
  const seen = new Map<string, Node>()
  for (const { source, node } of found) {
    const { names, keyType } = source.kind === 'file' ? source.certificate : source.kind === 'acme' ? source : nameless
    const clash = names.find((name) => seen.has(`${keyType} ${name}`))
    if (clash !== undefined) {
      const first = seen.get(`${keyType} ${clash}`)!
      const kind = { ec: 'ECDSA ', rsa: 'RSA ', other: '' }[keyType]
      const message = `Two ${kind}certificates have the name ${clash}: for it, the earlier one${first.kind === 'scalar' ? ` (${show(first)})` : ''} is served`
      problems.add(node.place, 'UNWISE_TLS', message)
    }
    for (const name of names) if (!seen.has(`${keyType} ${name}`)) seen.set(`${keyType} ${name}`, node)
  }
}

const nameless = { names: [] as readonly string[], keyType: 'other' as const }
