// The `acme` section as written to an AcmeConfig: directory, secrets from their files, how DNS challenges are answered; and
// whether the challenges that orders want can be answered on the binds that there are.
import { accessSync, constants } from 'node:fs'
import { readAuthorities, writtenPath, type Written } from './certificate-files.ts'
import type { FrontendConfig } from './config.ts'
import type { AcmeConfig, AcmeDnsConfig } from './config-tls.ts'
import { formatAddress } from './address.ts'
import { absolute, fileTrouble, readNamedFile } from './files.ts'
import type { Problems } from './problems.ts'
import type { PlacedOrder } from './resolve-certificates.ts'
import { acmeDnsSchema, acmeSchema, directories, parseDnsServer } from './schema-acme.ts'
import type { ConfigText } from './schema.ts'
import { fromBase64, parseTsigSecret } from './secrets.ts'
import { settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

type AcmeText = NonNullable<ConfigText['acme']>
type DnsText = NonNullable<AcmeText['dns']>

export function resolveAcme(text: AcmeText | undefined, node: Node | undefined, problems: Problems): AcmeConfig | null {
  if (text === undefined || node?.kind !== 'map') return null
  const { shape } = acmeSchema
  const directory = settleOne(shape.directory, text.directory) as string
  const ca = writtenPath(text.ca, node, 'ca')
  return {
    directory: Object.hasOwn(directories, directory) ? directories[directory as keyof typeof directories] : directory,
    email: text.email ?? null,
    ca: ca && readAuthorities(ca, problems),
    eab: resolveEab(text.eab, child(node, 'eab'), problems),
    dns: text.dns === undefined ? null : resolveDns(text.dns, child(node, 'dns') as MapNode, problems),
    preferredChain: text.preferred_chain ?? null,
    profile: text.profile ?? null,
  }
}

function resolveEab(text: AcmeText['eab'], node: Node | undefined, problems: Problems): AcmeConfig['eab'] {
  const file = writtenPath(text?.key_file, node, 'key_file')
  const key = file && readSecret(file, fromBase64, 'a key in base64url', problems)
  return key && text?.key_id !== undefined ? { keyId: text.key_id, key } : null
}

/** null where it cannot be used, which is reported. */
function readSecret(
  [path, node]: Written,
  parse: (text: string) => Uint8Array | null,
  expected: string,
  problems: Problems,
): Uint8Array | null {
  const text = readNamedFile(path, node, problems)
  const secret = text === null ? null : parse(text)
  if (text !== null && secret === null)
    problems.add(node.place, 'BAD_SECRET', `Cannot use ${show(node)}: expected ${expected}, and nothing else`)
  return secret
}

const updateOptions = ['server', 'zone', 'key_name', 'key_file', 'algorithm'] as const

function resolveDns(text: DnsText, node: MapNode, problems: Problems): AcmeDnsConfig | null {
  const wait = settleOne(acmeDnsSchema.shape.wait, text.wait) as AcmeDnsConfig['wait']
  const said = (key: string): boolean => node.entries.has(key)
  if (said('hook')) {
    const other = updateOptions.find(said)
    if (other !== undefined) {
      const message = `${other} goes with server, not with hook: records are made by one of the two`
      problems.add(keyPlace(node, other), 'BAD_VALUE', message)
    }
    const hook = writtenPath(text.hook, node, 'hook')
    if (hook) checkProgram(hook, problems)
    return hook && { kind: 'hook', path: absolute(...hook), wait }
  }
  if (!said('server')) {
    problems.add(
      node.place,
      'MISSING',
      'dns needs "server", for dynamic updates, or "hook", a program that makes the records',
    )
    return null
  }
  for (const [one, other] of [
    ['key_name', 'key_file'],
    ['key_file', 'key_name'],
    ['algorithm', 'key_name'],
  ] as const) {
    if (said(one) && !said(other))
      problems.add(
        keyPlace(node, one),
        'MISSING',
        `${one} needs ${other}: both make the key that updates are signed with`,
      )
  }
  const file = writtenPath(text.key_file, node, 'key_file')
  const secret =
    file &&
    readSecret(file, parseTsigSecret, 'the secret of a TSIG key in base64, or what tsig-keygen writes', problems)
  const server = text.server === undefined ? null : parseDnsServer(text.server)
  if (server === null) return null
  const algorithm = settleOne(acmeDnsSchema.shape.algorithm, text.algorithm) as string
  return {
    kind: 'update',
    server: formatAddress({ ...server, path: null }),
    zone: text.zone === undefined ? null : canonical(text.zone),
    key: secret && text.key_name !== undefined ? { name: canonical(text.key_name), algorithm, secret } : null,
    wait,
  }
}

const canonical = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function checkProgram([path, node]: Written, problems: Problems): void {
  try {
    accessSync(absolute(path, node), constants.X_OK)
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === 'EACCES'
    const why = denied ? 'it is not a program that may be run (chmod +x)' : fileTrouble(error)
    problems.add(node.place, 'UNREADABLE_FILE', `Cannot use the program ${show(node)}: ${why}`)
  }
}

/** Authorities come to the standard ports alone; what leads there from another port is not known here, so it is a warning. */
export function checkChallenges(
  orders: readonly PlacedOrder[],
  frontends: readonly FrontendConfig[],
  problems: Problems,
): void {
  const serves = (
    port: number,
    right: (bind: FrontendConfig['binds'][number], frontend: FrontendConfig) => boolean,
  ): boolean => frontends.some((frontend) => frontend.binds.some((bind) => bind.port === port && right(bind, frontend)))
  const lacking = {
    'http-01':
      !serves(80, ({ tls }, { mode }) => mode === 'http' && tls === null) && 'an http frontend on port 80, without TLS',
    'tls-alpn-01': !serves(443, ({ tls }) => tls !== null) && 'a bind with TLS on port 443',
    'dns-01': false,
  } as const
  for (const { challenge, place } of orders) {
    const wanted = lacking[challenge]
    if (wanted === false) continue
    problems.add(place, 'UNWISE_TLS', `${challenge} needs ${wanted}, which is where the authority asks; there is none`)
  }
}
