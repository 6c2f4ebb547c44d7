// The key of a recorded request: made of what the access log has of it, in the way the data plane makes it of the bytes
// themselves (src/data/key), so that a replay sends each key to the server that it went to. The log has the client's
// address, the Host field and the target; other fields and cookies it has not. Pure.
import { networkText } from '../balance/address.ts'
import { hashNetwork, hashString, mix } from '../balance/hash.ts'
import { md5 } from '../balance/md5.ts'
import type { KeyPart } from '../model/balancers.ts'
import type { Keyed } from './access-log.ts'

/** The log tells it. */
export const isLogged = ({ source, name }: KeyPart): boolean =>
  source === 'header' ? name === 'host' : source !== 'cookie' && source !== 'sni'

/** The client's address, as it stands: what a key is made of where nothing better is known. */
export const clientPart: KeyPart = { source: 'client', name: '', prefix4: 32, prefix6: 64, depth: 0, length: 0 }

/** @param ketama keys are MD5, as Ketama's clients have them @returns a function to an int32 */
export function recordedKey(parts: readonly KeyPart[], ketama: boolean): (request: Keyed) => number {
  const [first] = parts
  if (parts.length === 1 && first!.source === 'client' && !ketama) {
    return ({ client }) => hashNetwork(client, first!.prefix4, first!.prefix6)
  }
  let missing = 0
  return (request) => {
    const texts = parts.map((part) => textOf(part, request))
    if (texts.every((text) => text === '')) return mix(++missing) // as good as chance, and the same each time
    const text = texts.join('\0')
    return ketama ? digestOf(text) : hashString(text)
  }
}

/** The first word of the MD5. @param text latin1 */
const digestOf = (text: string): number => md5(Uint8Array.from(text, (character) => character.charCodeAt(0)))[0]! | 0

function textOf(part: KeyPart, { client, host, target }: Keyed): string {
  switch (part.source) {
    case 'client':
      return networkText(client, part.prefix4, part.prefix6)
    case 'header':
      return part.name === 'host' ? host : ''
    case 'uri':
    case 'path':
      return pathOf(part, withoutAuthority(target))
    case 'query':
      return parameterOf(target, part.name)
    case 'cookie':
    case 'sni':
      return ''
  }
}

/** `http://host/path` as `/path`; most targets are a path already. */
const withoutAuthority = (target: string): string => target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '')

/** Leading segments and leading bytes; an empty path is `/`. */
function pathOf({ source, depth, length }: KeyPart, target: string): string {
  const question = target.indexOf('?')
  const pathEnd = question < 0 ? target.length : question
  let end = pathEnd
  if (depth > 0) {
    for (let i = 1, left = depth; i < pathEnd; i++) {
      if (target[i] === '/' && --left === 0) {
        end = i
        break
      }
    }
  }
  if (source === 'uri' && end === pathEnd) end = target.length
  const text = (pathEnd === 0 ? '/' : '') + target.slice(0, end)
  return length === 0 ? text : text.slice(0, length)
}

/** The value of the first parameter of this name, nothing decoded. */
function parameterOf(target: string, name: string): string {
  const question = target.indexOf('?')
  if (question < 0) return ''
  const pair = target
    .slice(question + 1)
    .split('&')
    .find((each) => each.startsWith(`${name}=`))
  return pair === undefined ? '' : pair.slice(name.length + 1)
}
