// For `weir check`: revocation lists of clients that are past their end, or close to it. OpenSSL then refuses every client of the
// authority that made the list, so it is worth a warning; not an error, because the file may be renewed any time.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Loaded } from '../../config/load.ts'
import { blocksOf, derOf } from '../../config/pem.ts'
import { inOrder, Problems } from '../../config/problems.ts'
import { child, show } from '../../config/tree.ts'
import { tlsNodes } from './tls-nodes.ts'

/** @returns what was loaded, with the warnings */
export async function checkRevocationLists(loaded: Loaded): Promise<Loaded> {
  if (loaded.config === null) return loaded
  const problems = new Problems()
  for (const tls of tlsNodes(loaded.tree)) {
    const node = child(child(tls, 'client_auth'), 'crl')
    if (node?.kind !== 'scalar') continue
    const end = await firstEnd(readFileSync(resolve(node.place.source.folder, String(node.value)), 'utf8'))
    if (end === null || end.getTime() > Date.now()) continue
    const message = `A list in ${show(node)} is past its end, ${end.toISOString().slice(0, 10)}: all clients of its authority are refused`
    problems.add(node.place, 'UNWISE_TLS', message)
  }
  const found = problems.sorted()
  return found.length === 0 ? loaded : { ...loaded, warnings: inOrder([...loaded.warnings, ...found]) }
}

/** When the first of the lists ends (nextUpdate; RFC 5280, section 5.1.2.5); null: none of them says. */
async function firstEnd(pem: string): Promise<Date | null> {
  const { CertificateRevocationList } = await import('pkijs') // not loaded by the many checks that have no use for it
  const ends = blocksOf(pem)
    .filter(({ label }) => label === 'X509 CRL')
    .map(({ pem }) => CertificateRevocationList.fromBER(derOf(pem)).nextUpdate?.value)
    .filter((end) => end !== undefined)
  return ends.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null
}
