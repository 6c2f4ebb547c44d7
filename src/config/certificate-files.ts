// Certificates, keys and authorities in the files that options name: read, checked, and reported where they are named. How PEM
// is read is certificate.ts.
import { createSecureContext } from 'node:tls'
import { readCertificate, validityAt, type Certificate, type CertificateProblem } from './certificate.ts'
import { readNamedFile } from './files.ts'
import type { Problems } from './problems.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

export interface ResolveContext {
  readonly problems: Problems
  /** Milliseconds since the epoch, for the validity of certificates. */
  readonly now: number
}

/** A path, and where it is written. */
export type Written = readonly [path: string, node: Node]

/** A certificate as it is written: each part where it is in a file of its own. */
export interface WrittenCertificate {
  readonly cert: Written
  readonly key: Written | null
  readonly chain: Written | null
  readonly passphrase: Written | null
}

type FilesText = Readonly<Partial<Record<'cert' | 'key' | 'chain' | 'passphrase_file', string | undefined>>>

/**
 * The parts of a certificate in files, as a map or as the path of a single file.
 * @returns null where a part of it is wrong, which was reported
 */
export function writtenCertificate(text: string | FilesText, node: Node): WrittenCertificate | null {
  if (typeof text === 'string') return { cert: [text, node], key: null, chain: null, passphrase: null }
  let complete = true
  const part = (name: keyof FilesText): Written | null => {
    const at = child(node, name)
    if (at === undefined) return null
    const path = text[name]
    if (path === undefined) complete = false
    return path === undefined ? null : [path, at]
  }
  const [cert, key, chain, passphrase] = [part('cert'), part('key'), part('chain'), part('passphrase_file')]
  return complete && cert ? { cert, key, chain, passphrase } : null
}

/** @returns null where it cannot be used, which was reported */
export function readWritten(written: WrittenCertificate, context: ResolveContext): Certificate | null {
  const { problems } = context
  const { cert, key, chain, passphrase } = written
  const text = (part: Written | null): string | null | undefined =>
    part === null ? undefined : readNamedFile(...part, problems)
  const [certPem, keyPem, chainPem, secret] = [cert, key, chain, passphrase].map(text)
  if (typeof certPem !== 'string' || [keyPem, chainPem, secret].includes(null)) return null
  const read = readCertificate({
    certPem,
    keyPem: keyPem ?? undefined,
    chainPem: chainPem ?? undefined,
    passphrase: secret?.replace(/\r?\n$/, ''),
  })
  if ('problem' in read) {
    reportProblem(read, written, problems)
    return null
  }
  advise(read, cert, context)
  if (passphrase && !read.opened) {
    const message = 'passphrase_file does nothing: the key is not encrypted'
    problems.add(passphrase[1].place, 'NO_EFFECT', message)
  }
  return read
}

function reportProblem(found: CertificateProblem, written: WrittenCertificate, problems: Problems): void {
  const { cert, key, chain, passphrase } = written
  const [, node] = {
    certificate: cert,
    chain: chain ?? cert,
    key: key ?? cert,
    passphrase: passphrase ?? cert,
    pair: cert,
  }[found.about]
  const place = found.about === 'pair' && key ? key[1].place : node.place
  const code = found.about === 'pair' ? 'KEY_MISMATCH' : 'BAD_CERTIFICATE'
  const hint =
    found.code === 'key_encrypted' ? ' Name the file that holds it: {cert: ..., key: ..., passphrase_file: ...}.' : ''
  problems.add(place, code, `Cannot use ${show(node)}: ${found.problem}${hint}`)
}

/** How long before its end a certificate is worth a warning: what renews itself has done so by then. */
const soon = 14 * 86_400_000

/** What does not keep a certificate from being served, and should be known. */
function advise(certificate: Certificate, [, node]: Written, { problems, now }: ResolveContext): void {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
  const { notBefore, notAfter, missingIssuer, issuerOnline } = certificate
  const validity = validityAt(certificate, now)
  if (validity !== 'valid') {
    const words = validity === 'expired' ? `expired on ${day(notAfter)}` : `is not valid before ${day(notBefore)}`
    problems.add(node.place, 'CERTIFICATE_EXPIRED', `The certificate ${show(node)} ${words}`)
  } else if (notAfter - now < soon) {
    const days = Math.floor((notAfter - now) / 86_400_000)
    const words = days === 0 ? 'today or tomorrow' : days === 1 ? 'in a day' : `in ${days} days`
    problems.add(
      node.place,
      'CERTIFICATE_EXPIRES',
      `The certificate ${show(node)} expires ${words}, on ${day(notAfter)}`,
    )
  }
  if (missingIssuer !== null && issuerOnline) {
    const message = `The chain of ${show(node)} has no certificate of its issuer (${missingIssuer}): many clients cannot verify it without`
    problems.add(node.place, 'UNWISE_TLS', message)
  }
}

/** PEM of authorities in a file; null where there are none, which is reported. */
export function readAuthorities([path, node]: Written, problems: Problems): string | null {
  return readTrust([path, node], problems, 'there is no certificate of an authority in it', (pem) => ({ ca: pem }))
}

/** PEM of revocation lists in a file; null where there are none, which is reported. */
export function readRevocations([path, node]: Written, problems: Problems): string | null {
  return readTrust([path, node], problems, 'there is no revocation list in it', (pem) => ({ crl: pem }))
}

function readTrust(
  [path, node]: Written,
  problems: Problems,
  otherwise: string,
  use: (pem: string) => Parameters<typeof createSecureContext>[0],
): string | null {
  const pem = readNamedFile(path, node, problems)
  if (pem === null) return null
  try {
    if (!pem.includes('-----BEGIN')) throw new Error('no PEM')
    createSecureContext(use(pem))
    return pem
  } catch {
    problems.add(node.place, 'BAD_CERTIFICATE', `Cannot use ${show(node)}: ${otherwise}`)
    return null
  }
}

/** The path under a key of a map, when it is there and right. */
export function writtenPath(text: string | undefined, node: Node | undefined, key: string): Written | null {
  const at = child(node, key)
  return text === undefined || at === undefined ? null : [text, at]
}

/**
 * A key option beside a certificate, for the short form in which that is the path of a single file.
 * @param forms null where one is wrong, or is in no file
 * @param alone whether there is a single form, of a file
 */
export function withKey(
  forms: readonly (WrittenCertificate | null)[],
  key: Written,
  node: MapNode,
  { problems, alone }: { readonly problems: Problems; readonly alone: boolean },
): readonly (WrittenCertificate | null)[] {
  const [only] = forms
  if (alone && !only?.key) return only ? [{ ...only, key }] : forms
  const message = 'key goes with a single certificate file; otherwise write {cert, key} for each'
  problems.add(keyPlace(node, 'key'), 'BAD_VALUE', message)
  return forms
}
