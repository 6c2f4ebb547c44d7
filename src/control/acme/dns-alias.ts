// Where the record of a challenge has to be made. An authority looks for `_acme-challenge.www.example.org` as any resolver does,
// and goes on where that name is an alias (CNAME; RFC 1034, section 3.6.2): so people lead it into a zone that takes updates, from
// one that does not. The server that takes the updates is asked first, for what it says of its own zones is never old; the
// resolver of the system is asked about names of which it knows nothing.
//
//   _acme-challenge.www.example.org  CNAME  www.acme.example.net      looked up here
//   www.acme.example.net             TXT    the proof                 made by dns-update.ts, in the zone acme.example.net
//
// An alias that a wildcard makes up for any name is not followed: the record of the challenge takes its place (RFC 4592, section 2.2).
import { randomBytes } from 'node:crypto'
import { query, type NameServer } from './dns-message.ts'

/** @returns the name that this one is an alias of; null: of none, or nobody knows */
export type AliasOf = (name: string) => Promise<string | null>

/** As Node's own has it. */
export interface CnameResolver {
  resolveCname(name: string): Promise<string[]>
}

/** Aliases one behind the other; resolvers of authorities give up at about as many. */
const MOST = 8

/** @throws Error where aliases go round in a circle, or on and on */
export async function endOfAliases(name: string, aliasOf: AliasOf): Promise<string> {
  const names = [name.toLowerCase()]
  for (;;) {
    const next = await aliasOf(names.at(-1)!)
    if (next === null) return names.at(-1)!
    const isKnown = names.includes(next)
    names.push(next)
    if (isKnown || names.length > MOST + 1) {
      const how = isKnown ? 'go round in a circle' : `are more than ${MOST}`
      throw new Error(`No record can be made for ${name}: its aliases ${how}: ${names.join(', ')}`)
    }
  }
}

/** Aliases in lower case. */
export function aliasesBy(server: NameServer, resolver: CnameResolver, signal: AbortSignal): AliasOf {
  const targetOf = async (name: string): Promise<string | null> => {
    const { rcode, flag_aa: isItsOwn, answers = [] } = await query(server, name, 'CNAME', signal)
    if (isItsOwn && (rcode === 'NOERROR' || rcode === 'NXDOMAIN')) {
      const found = answers.find((record) => record.type === 'CNAME' && record.name.toLowerCase() === name)
      return found?.type === 'CNAME' ? found.data.toLowerCase() : null
    }
    // Where it has no answer either, nothing is known of an alias, and the update says what is wrong.
    const [found] = await resolver.resolveCname(name).catch(() => [])
    signal.throwIfAborted()
    return found?.toLowerCase() ?? null
  }
  return async (name) => {
    const target = await targetOf(name)
    if (target === null) return null
    const sibling = `_weir-${randomBytes(6).toString('hex')}${name.slice(name.indexOf('.'))}`
    return (await targetOf(sibling)) === target ? null : target
  }
}
