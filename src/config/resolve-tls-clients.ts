// Whom a TLS bind serves, as written: clients that show a certificate, and those whose connections are passed on untouched.
import type { Mode } from '../model/states.ts'
import { readAuthorities, readRevocations, writtenPath } from './certificate-files.ts'
import type { ClientAuthConfig, PassthroughConfig, TlsConfig } from './config-tls.ts'
import type { Problems } from './problems.ts'
import type { TlsText } from './resolve-certificates.ts'
import { listOfText } from './resolve-clients.ts'
import { clientAuthSchema } from './schema-tls.ts'
import { settleOne } from './settle.ts'
import { child, keyPlace, type Node } from './tree.ts'

const identityFields = {
  off: null,
  weir: 'x-client-cert',
  pound: 'x-ssl',
  standard: 'client-cert',
  chain: 'client-cert-chain',
} as const

/** @returns null where clients are not asked; and where a file is wrong, which was reported */
export function resolveClientAuth(
  { client_auth: text }: TlsText,
  node: Node,
  mode: Mode | null,
  problems: Problems,
): TlsConfig['clientAuth'] {
  const at = child(node, 'client_auth')
  if (text === undefined || at?.kind !== 'map') return null
  const { shape } = clientAuthSchema
  if (mode === 'tcp' && text.headers !== undefined && text.headers !== 'off') {
    const message = 'headers does nothing in tcp mode: there are no requests to put fields into'
    problems.add(keyPlace(at, 'headers'), 'NO_EFFECT', message)
  }
  const caPath = writtenPath(text.ca, at, 'ca')
  const crlPath = writtenPath(text.crl, at, 'crl')
  const ca = caPath && readAuthorities(caPath, problems)
  const crl = crlPath && readRevocations(crlPath, problems)
  if (ca === null) return null
  return {
    mode: settleOne(shape.mode, text.mode) as ClientAuthConfig['mode'],
    ca,
    crl,
    depth: settleOne(shape.depth, text.depth) as number,
    fields: mode === 'tcp' ? null : identityFields[text.headers ?? 'weir'],
  }
}

type RuleText = Extract<NonNullable<TlsText['passthrough']>, { readonly sni?: unknown }>

/** Rules with their places; those that are wrong are left out. Whether their backends are there is the business of uses.ts. */
export function resolvePassthrough({ passthrough }: TlsText, node: Node, problems: Problems): PassthroughConfig[] {
  const resolved: PassthroughConfig[] = []
  for (const { rule, node: at } of passthroughRules(passthrough, child(node, 'passthrough'))) {
    if (at.kind !== 'map') continue
    const said = (key: keyof RuleText): boolean => at.entries.has(key)
    const right = [...listOfText(rule.sni), ...listOfText(rule.alpn)]
    if (!said('sni') && !said('alpn')) {
      const message =
        'A rule of passthrough needs sni or alpn: for a port that is passed on as a whole there is mode tcp, without tls'
      problems.add(at.place, 'MISSING', message)
      continue
    }
    if (rule.backend === undefined || right.length < count(rule.sni, said('sni')) + count(rule.alpn, said('alpn')))
      continue
    const next = {
      names: [...new Set(listOfText(rule.sni).map((name) => name.toLowerCase()))],
      protocols: [...new Set(listOfText(rule.alpn))],
      backend: rule.backend,
    }
    const before = resolved.find((earlier) => covers(earlier, next))
    if (before) {
      const message = `An earlier rule (to ${before.backend}) matches all that this one would`
      problems.add(at.place, 'UNREACHABLE_ROUTE', message)
    }
    resolved.push(next)
  }
  return resolved
}

/** One rule or a list, as a list with their nodes. */
export function passthroughRules(
  text: TlsText['passthrough'],
  node: Node | undefined,
): readonly { readonly rule: RuleText; readonly node: Node }[] {
  if (text === undefined || node === undefined) return []
  const rules = (Array.isArray(text) ? text : [text]) as readonly (RuleText | undefined)[]
  return rules.flatMap((rule, i) => (rule ? [{ rule, node: node.kind === 'list' ? node.items[i]! : node }] : []))
}

/** How many there are, wrong ones included. */
const count = (text: RuleText['sni'], said: boolean): number => (Array.isArray(text) ? text.length : said ? 1 : 0)

type Rule = Pick<PassthroughConfig, 'names' | 'protocols'>

function covers(a: Rule, b: Rule): boolean {
  const names =
    a.names.length === 0 || (b.names.length > 0 && b.names.every((name) => a.names.some((each) => isBelow(name, each))))
  const protocols =
    a.protocols.length === 0 || (b.protocols.length > 0 && b.protocols.every((each) => a.protocols.includes(each)))
  return names && protocols
}

const isBelow = (name: string, pattern: string): boolean =>
  name === pattern || (pattern.startsWith('*.') && name.endsWith(pattern.slice(1)))
