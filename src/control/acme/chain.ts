// Which of the chains that an authority offers for one certificate (RFC 8555, section 7.4.2).
import { X509Certificate } from 'node:crypto'
import { blocksOf, isCertificate } from '../../config/pem.ts'

/**
 * @param chains PEM, leaf first; the authority's own choice first
 * @param preferred common name of the authority that has signed the last certificate of the chain; null: no matter which
 * @returns one of them: the first, where none is the preferred one
 */
export function chooseChain(chains: readonly string[], preferred: string | null): string {
  return chains.find((chain) => preferred !== null && topOf(chain) === preferred) ?? chains[0]!
}

export function topOf(chain: string): string | null {
  const last = blocksOf(chain).filter(isCertificate).at(-1)
  if (last === undefined) return null
  try {
    return /^CN=(.*)$/m.exec(new X509Certificate(last.pem).issuer)?.[1] ?? null
  } catch {
    return null
  }
}

/** Where the others are: targets of all links of this kind in Link fields (RFC 8288), as absolute URLs. */
export function alternates(link: string | string[] | undefined, base: string): string[] {
  const text = Array.isArray(link) ? link.join(', ') : (link ?? '')
  const found: string[] = []
  for (const [, target, parameters] of text.matchAll(/<([^<>]*)>((?:\s*;[^,<>]*)*)/g)) {
    const isAlternate = /;\s*rel\s*=\s*(?:"[^"]*\balternate\b[^"]*"|alternate\b)/i.test(parameters!)
    if (isAlternate && URL.canParse(target!, base)) found.push(new URL(target!, base).href)
  }
  return found.slice(0, 10)
}
