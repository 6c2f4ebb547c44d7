// Whether a certificate that somebody brings is taken into the store, before anything is written: is it whole, in its time, no
// step back from the one that it replaces, and of use to a frontend. What can be mended is mended, with a word about it; what
// an operator may know better is refused unless he insists. How PEM is read is config/certificate.ts.
import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { readCertificate, validityAt, type Certificate, type CertificateText } from '../../config/certificate.ts'
import type { Config, FrontendConfig } from '../../config/config.ts'
import { certificatesIn } from './held.ts'
import { Refusal } from './refusal.ts'
import { tlsBindsOf } from './served.ts'
import type { HeldCertificate } from './types.ts'

export interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The certificate whose name it is to have; null: that name is new. */
  readonly replaces: HeldCertificate | null
  /** Chains of others, in which a missing issuer may be; PEM. */
  readonly chains: readonly string[]
  readonly config: Config
  /** The operator insists. */
  readonly force: boolean
}

export interface Examined {
  readonly certificate: Certificate
  /** What is not as it should be, one sentence each. */
  readonly warnings: readonly string[]
}

/** @throws Refusal */
export function examine(text: CertificateText, circumstances: Circumstances): Examined {
  const read = readCertificate(text)
  if ('problem' in read) throw new Refusal(422, read.code, read.problem)
  const warnings = read.mended
    ? ['The chain was out of order, or had a certificate twice: it has been put in order.']
    : []
  const { certificate, warning } = completed(read, text, circumstances)
  if (warning !== null) warnings.push(warning)
  checkTime(certificate, circumstances)
  const stray = namesNobodyServes(certificate.names, circumstances.config)
  if (stray !== null) warnings.push(stray)
  return { certificate, warnings }
}

/** With its issuer, where that is missing and known from elsewhere. */
function completed(
  certificate: Certificate,
  text: CertificateText,
  { chains, force }: Circumstances,
): { readonly certificate: Certificate; readonly warning: string | null } {
  const { missingIssuer: issuer } = certificate
  const leaf = new X509Certificate(certificate.cert)
  if (issuer === null || isByRoot(leaf)) return { certificate, warning: null }
  const found = chains.find((chain) => isChainOf(leaf, chain))
  if (found !== undefined) {
    const mended = readCertificate({ ...text, chainPem: `${text.chainPem ?? ''}\n${authoritiesIn(found)}` })
    const warning = `The chain was incomplete: the certificate of ${issuer} has been taken from another chain in the store.`
    if (!('problem' in mended)) return { certificate: mended, warning }
  }
  // An authority that says where its certificate is to be had is not one that clients are expected to have already.
  if (certificate.issuerOnline && !force) {
    const message = `the chain is incomplete: the certificate of its issuer, ${issuer}, is not in it`
    throw new Refusal(422, 'chain_incomplete', message, 'its chain (--chain), or --force')
  }
  const warning = `The chain has no certificate of its issuer, ${issuer}: only clients that know that one can verify it.`
  return { certificate, warning }
}

/** The certificates of a chain without its leaf. */
const authoritiesIn = (chain: string): string => certificatesIn(chain).slice(1).join('\n')

function isChainOf(leaf: X509Certificate, chain: string): boolean {
  const [, issuer] = certificatesIn(chain)
  if (issuer === undefined) return false
  const authority = new X509Certificate(issuer)
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

let roots: ReadonlyMap<string, X509Certificate> | null = null

/** An authority that every client has has signed it itself. */
function isByRoot(leaf: X509Certificate): boolean {
  roots ??= new Map(rootCertificates.map((pem) => new X509Certificate(pem)).map((root) => [root.subject ?? '', root]))
  const root = roots.get(leaf.issuer ?? '')
  return root !== undefined && leaf.checkIssued(root)
}

function checkTime(certificate: Certificate, { now, replaces, force }: Circumstances): void {
  const validity = validityAt(certificate, now)
  if (validity === 'expired')
    throw new Refusal(422, 'expired', `the certificate expired at ${timeText(certificate.notAfter)}`)
  if (validity === 'not yet valid')
    throw new Refusal(422, 'not_yet_valid', `the certificate is not valid before ${timeText(certificate.notBefore)}`)
  if (replaces === null || force || certificate.notAfter >= replaces.notAfter) return
  throw new Refusal(
    422,
    'expires_earlier',
    `the certificate expires at ${timeText(certificate.notAfter)}, before the one that it replaces (${timeText(replaces.notAfter)})`,
    'one that is valid for longer, or --force',
  )
}

const timeText = (time: number): string => `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** @returns a sentence; null: every name may be asked for at some bind */
function namesNobodyServes(names: readonly string[], config: Config): string | null {
  const withTls = config.frontends.filter(({ binds }) => binds.some(({ tls }) => tls !== null))
  if (tlsBindsOf(config).length === 0) return 'No frontend terminates TLS, so nothing can serve the certificate.'
  const stray = names.filter((name) => !withTls.some((frontend) => serves(frontend, name)))
  if (stray.length === 0) return null
  return `No frontend serves ${stray.slice(0, 5).join(', ')}${stray.length > 5 ? ` and ${stray.length - 5} names more` : ''}.`
}

/** Whether a request for a name can get to a backend. */
const serves = ({ mode, backend, routes }: FrontendConfig, name: string): boolean =>
  mode === 'tcp' || backend !== null || routes.some(({ host }) => host === null || meet(host, name))

/** Whether two names, wildcards among them, have a host in common. */
const meet = (a: string, b: string): boolean =>
  a === b || (a.startsWith('*.') && b.endsWith(a.slice(1))) || (b.startsWith('*.') && a.endsWith(b.slice(1)))
