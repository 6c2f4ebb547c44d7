// TLS of a bind as written, over its profile, to a TlsConfig. Its certificates are resolve-certificates.ts, who may come and
// who is passed on resolve-tls-clients.ts; TLS to servers is resolve-server-tls.ts.
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Mode } from '../model/states.ts'
import { isOlder } from '../model/tls-versions.ts'
import type { TlsConfig } from './config-tls.ts'
import type { Problems } from './problems.ts'
import { resolveCertificates, type TlsContext, type TlsText } from './resolve-certificates.ts'
import { resolveClientAuth, resolvePassthrough } from './resolve-tls-clients.ts'
import { hstsOptions, tlsSchema } from './schema-tls.ts'
import { settle, settleOne, switched } from './settle.ts'
import { profiles, suites, weakestLevel, type ProfileName, type TlsProfile } from './tls-profiles.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

export type { TlsContext }

/** @returns what could be resolved; with problems reported, it may be incomplete */
export function resolveTls(text: string | TlsText, node: Node, mode: Mode | null, context: TlsContext): TlsConfig {
  const options: TlsText = typeof text === 'string' ? { certificate: text } : text
  const { shape } = tlsSchema
  const { problems } = context
  const profile = settleOne(shape.profile, options.profile) as ProfileName
  const versions = resolveVersions(options, node, profile, problems)
  const clientAuth = resolveClientAuth(options, node, mode, problems)
  return {
    certificates: resolveCertificates(options, node, context),
    strictSni: settleOne(shape.sni, options.sni) === 'strict',
    ...versions,
    ciphers: resolveCiphers(options, node, { name: profile, ...versions }, problems),
    groups: resolveGroups(options, node, problems),
    alpn: protocols(options, node, mode, problems),
    tickets: resolveTickets(options, node, clientAuth, problems),
    ocsp: switched('on', options.ocsp) !== null,
    maxHandshakes: settleOne(shape.max_handshakes, options.max_handshakes) as number,
    clientAuth,
    hsts: resolveHsts(options, node, mode, problems),
    passthrough: resolvePassthrough(options, node, problems),
  }
}

/** RFC 9440, section 2.4: who cannot tell of the chain when a session is resumed is to resume none. */
function resolveTickets(
  { tickets }: TlsText,
  node: Node,
  clientAuth: TlsConfig['clientAuth'],
  problems: Problems,
): boolean {
  const wanted = switched('on', tickets) !== null
  if (clientAuth?.fields !== 'client-cert-chain') return wanted
  if (wanted && tickets !== undefined) {
    const message = 'tickets does nothing with "headers: chain": a session that is resumed does not know the chain'
    problems.add(keyPlace(node as MapNode, 'tickets'), 'NO_EFFECT', message)
  }
  return false
}

type Versions = Pick<TlsConfig, 'minVersion' | 'maxVersion'>

function resolveVersions(options: TlsText, node: Node, profile: ProfileName, problems: Problems): Versions {
  const minVersion = options.min_version ?? profiles[profile].minVersion
  const maxVersion = options.max_version ?? profiles[profile].maxVersion
  for (const key of ['min_version', 'max_version'] as const) {
    const version = options[key]
    if (version === undefined || profile === 'old' || !isOlder(version, 'TLSv1.2')) continue
    const message = `Cannot use ${key}: ${version} needs "profile: old", whose ciphers it can do with`
    problems.add(child(node, key)!.place, 'OUT_OF_RANGE', message)
    return profiles[profile]
  }
  if (isOlder(maxVersion, minVersion)) {
    const said = options.min_version !== undefined
    const place = child(node, said ? 'min_version' : 'max_version')?.place ?? node.place
    const words = `min_version${said ? '' : ` (${minVersion}, of the profile ${profile})`}`
    problems.add(place, 'OUT_OF_RANGE', `${words} is newer than max_version`)
  }
  return { minVersion, maxVersion }
}

/**
 * Both kinds of names in one list, as Node takes them: a list of one kind alone would keep the versions of the other from
 * being spoken. null: as Weir has it.
 */
function resolveCiphers(
  { ciphers }: TlsText,
  node: Node,
  { name, minVersion, maxVersion }: Versions & { readonly name: ProfileName },
  problems: Problems,
): string | null {
  const profile: TlsProfile = profiles[name]
  if (ciphers === undefined) return name === 'old' ? [...suites, ...profile.ciphers, weakestLevel].join(':') : null
  if (!isAccepted({ ciphers })) {
    const written = child(node, 'ciphers')!
    const message = `Cannot use ciphers: expected an OpenSSL cipher list, got ${show(written)}`
    problems.add(written.place, 'BAD_VALUE', message)
  }
  const own = ciphers.split(':').filter((each) => each !== '')
  const has13 = own.some(isSuite)
  const has12 = own.some((each) => !isSuite(each) && !each.startsWith('@'))
  const older = profile.ciphers.length > 0 ? profile.ciphers : profiles.intermediate.ciphers
  if (!has12 && !has13) own.unshift(...suites, ...older)
  else if (!has13 && maxVersion === 'TLSv1.3') own.unshift(...suites)
  else if (!has12 && isOlder(minVersion, 'TLSv1.3')) own.push(...older)
  if (isOlder(minVersion, 'TLSv1.2') && !ciphers.includes('@SECLEVEL')) own.push(weakestLevel)
  return own.join(':')
}

const isSuite = (name: string): boolean => name.startsWith('TLS_')

function resolveGroups({ groups }: TlsText, node: Node, problems: Problems): string | null {
  if (groups === undefined || isAccepted({ ecdhCurve: groups })) return groups ?? null
  const written = child(node, 'groups')!
  const unknown = groups.split(':').filter((each) => !isAccepted({ ecdhCurve: each }))
  const message = `Cannot use groups: expected groups that OpenSSL has, such as "X25519:P-256", got ${show(written)}`
  const which =
    unknown.length > 0 && unknown.length < groups.split(':').length ? `; it has no ${unknown.join(', ')}` : ''
  problems.add(written.place, 'BAD_VALUE', `${message}${which}`)
  return null
}

function isAccepted(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options)
    return true
  } catch {
    return false
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

/** What the list of the browsers asks for, in milliseconds: a year. */
const preloadAge = 31_536_000_000

/** RFC 6797, section 6.1. */
function resolveHsts({ hsts }: TlsText, node: Node, mode: Mode | null, problems: Problems): string | null {
  const layers = switched('off', hsts)
  if (layers === null) return null
  if (mode === 'tcp') {
    const message = 'hsts does nothing in tcp mode: it is a field of responses'
    problems.add(keyPlace(node as MapNode, 'hsts'), 'NO_EFFECT', message)
    return null
  }
  const { maxAge, includeSubdomains, preload } = settle(hstsOptions, ...layers)
  if (preload && !(includeSubdomains && maxAge >= preloadAge)) {
    const message =
      'preload does nothing without include_subdomains and a max_age of 365d at least: the list of the browsers takes no less'
    problems.add(keyPlace(child(node, 'hsts') as MapNode, 'preload'), 'UNWISE_TLS', message)
  }
  const parts = [`max-age=${Math.round(maxAge / 1000)}`, includeSubdomains && 'includeSubDomains', preload && 'preload']
  return parts.filter((part) => part !== false).join('; ')
}
