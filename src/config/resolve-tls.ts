// The `tls` options of binds and of servers: reads the files they name and puts certificates and keys together.
// How PEM is read is certificate.ts; who is served which certificate is the data plane's business.
import { createSecureContext } from 'node:tls'
import type { Mode } from '../model/states.ts'
import { readCertificate, validityAt } from './certificate.ts'
import type { CertificateSource, ServerTlsConfig, TlsConfig } from './config-tls.ts'
import { absolute, readNamedFile } from './files.ts'
import type { Problems } from './problems.ts'
import type { BackendText, FrontendText } from './schema.ts'
import { tlsSchema } from './schema-frontend.ts'
import { settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

type TlsText = Exclude<NonNullable<FrontendText['tls']>, string>
type ServerTlsText = Exclude<NonNullable<BackendText['tls']>, boolean>

export interface TlsContext {
  readonly problems: Problems
  /** Milliseconds since the epoch, for the validity of certificates. */
  readonly now: number
}

/** @returns what could be resolved; with problems reported, it may be incomplete */
export function resolveTls(text: string | TlsText, node: Node, mode: Mode | null, context: TlsContext): TlsConfig {
  const options: TlsText = typeof text === 'string' ? { certificate: text } : text
  const { shape } = tlsSchema
  const minVersion = settleOne(shape.min_version, options.min_version) as TlsConfig['minVersion']
  const maxVersion = settleOne(shape.max_version, options.max_version) as TlsConfig['maxVersion']
  if (minVersion > maxVersion) {
    const place = child(node, 'min_version')?.place ?? node.place
    context.problems.add(place, 'OUT_OF_RANGE', 'min_version is newer than max_version')
  }
  checkCiphers(options, node, context.problems)
  return {
    certificates: certificates(options, node, context),
    strictSni: false,
    minVersion,
    maxVersion,
    ciphers: options.ciphers ?? null,
    groups: null,
    alpn: protocols(options, node, mode, context.problems),
    tickets: true,
    ocsp: true,
    maxHandshakes: 0,
    clientAuth: null,
    hsts: null,
    passthrough: [],
  }
}

function checkCiphers({ ciphers }: TlsText, node: Node, problems: Problems): void {
  if (ciphers === undefined) return
  try {
    createSecureContext({ ciphers })
  } catch {
    const written = child(node, 'ciphers')!
    problems.add(
      written.place,
      'BAD_VALUE',
      `Cannot use ciphers: expected an OpenSSL cipher list, got ${show(written)}`,
    )
  }
}

function protocols({ alpn }: TlsText, node: Node, mode: Mode | null, problems: Problems): readonly string[] {
  if (alpn === undefined) return mode === 'tcp' ? [] : ['http/1.1']
  if (mode === 'http') {
    for (const [i, protocol] of alpn.entries()) {
      if (protocol === undefined || protocol === 'http/1.1') continue
      const written = child(child(node, 'alpn'), i)!
      problems.add(written.place, 'BAD_VALUE', `Cannot offer ${show(written)}: in http mode only "http/1.1" is spoken`)
    }
  }
  return alpn.filter((protocol) => protocol !== undefined)
}

/** A certificate as written: nodes of the file with the certificate, and of the one with the key where that is another. */
interface Pair {
  readonly cert: readonly [path: string, node: Node]
  readonly key: readonly [path: string, node: Node] | null
}

function certificates(options: TlsText, node: Node, context: TlsContext): CertificateSource[] {
  const single = typeof node === 'object' && node.kind === 'scalar'
  const written = single ? node : child(node, 'certificate')
  if (options.certificate === undefined || written === undefined) return []
  const forms = Array.isArray(options.certificate) ? options.certificate : [options.certificate]
  const pairs = forms.map((form, i) => pairOf(form, written.kind === 'list' ? written.items[i]! : written))
  const keyNode = child(node, 'key')
  if (options.key !== undefined && keyNode) {
    const [pair] = pairs
    if (pairs.length !== 1 || !pair || pair.key) {
      const place = keyPlace(node as MapNode, 'key')
      context.problems.add(
        place,
        'BAD_VALUE',
        'key goes with a single certificate file; with several, write {cert, key} for each',
      )
    } else pairs[0] = { ...pair, key: [options.key, keyNode] }
  } else if (keyNode) return [] // there is a key option, and it is wrong
  return pairs.filter((pair) => pair !== null).flatMap((pair) => loadPair(pair, context) ?? [])
}

type CertificateForm = string | { readonly cert?: string | undefined; readonly key?: string | undefined } | undefined

function pairOf(form: CertificateForm, node: Node): Pair | null {
  if (form === undefined) return null
  if (typeof form === 'string') return { cert: [form, node], key: null }
  const { cert, key } = form
  if (cert === undefined || key === undefined) return null
  return { cert: [cert, child(node, 'cert')!], key: [key, child(node, 'key')!] }
}

function loadPair({ cert, key }: Pair, { problems, now }: TlsContext): CertificateSource | null {
  const certPem = readNamedFile(...cert, problems)
  const keyPem = key ? readNamedFile(...key, problems) : undefined
  if (certPem === null || keyPem === null) return null
  const read = readCertificate({ certPem, keyPem })
  if ('problem' in read) {
    const [, node] = read.about === 'key' && key ? key : cert
    const code = read.about === 'pair' ? 'KEY_MISMATCH' : 'BAD_CERTIFICATE'
    problems.add(
      read.about === 'pair' && key ? key[1].place : node.place,
      code,
      `Cannot use ${show(node)}: ${read.problem}`,
    )
    return null
  }
  const validity = validityAt(read, now)
  if (validity !== 'valid') {
    const day = new Date(validity === 'expired' ? read.notAfter : read.notBefore).toISOString().slice(0, 10)
    const words = validity === 'expired' ? `expired on ${day}` : `is not valid before ${day}`
    problems.add(cert[1].place, 'CERTIFICATE_EXPIRED', `The certificate ${show(cert[1])} ${words}`)
  }
  const certificate = { cert: read.cert, key: read.key, names: read.names, keyType: read.keyType }
  return { kind: 'file', path: absolute(...cert), certificate }
}

/** TLS to a server of which nothing is said but that. */
export const trustingTls: ServerTlsConfig = { verify: true, ca: null, serverName: null, pins: [], certificate: null }

/**
 * TLS to a server: its own options over those of the backend.
 * @param own what the server says, and its node; so `shared` for the backend
 */
export function resolveServerTls(
  own: { readonly text: ServerTlsText | boolean | undefined; readonly node: Node | undefined },
  shared: { readonly text: ServerTlsText | boolean | undefined; readonly node: Node | undefined },
  problems: Problems,
): ServerTlsConfig | null {
  const said = own.text ?? shared.text ?? false
  if (said === false) return null
  const layers = [own, shared].filter((layer) => typeof layer.text === 'object')
  const first = <K extends keyof ServerTlsText>(key: K): { value: ServerTlsText[K]; node: Node | undefined } => {
    const layer = layers.find(({ text }) => (text as ServerTlsText)[key] !== undefined)
    return { value: layer && (layer.text as ServerTlsText)[key], node: child(layer?.node, key) }
  }
  const ca = first('ca')
  return {
    verify: first('verify').value !== 'none',
    ca: ca.value !== undefined && ca.node ? authorities(ca.value, ca.node, problems) : null,
    serverName: first('server_name').value ?? null,
    pins: [],
    certificate: null,
  }
}

function authorities(path: string, node: Node, problems: Problems): string | null {
  const pem = readNamedFile(path, node, problems)
  if (pem === null) return null
  try {
    if (!pem.includes('-----BEGIN')) throw new Error('no PEM')
    createSecureContext({ ca: pem })
    return pem
  } catch {
    problems.add(
      node.place,
      'BAD_CERTIFICATE',
      `Cannot use ${show(node)}: there is no certificate of an authority in it`,
    )
    return null
  }
}
