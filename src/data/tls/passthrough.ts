// Which handshakes of a bind are not terminated here but go on as they came: by the name that the client asks for, and by
// the protocols that it offers. Made anew with each configuration; a rule may have thousands of names.
import type { PassthroughSpec } from '../../messages/tls.ts'
import type { ClientHello } from './client-hello.ts'

/** @returns index of the first rule that matches; -1: none does */
export type Passthrough = (hello: ClientHello) => number

/** @returns null: there are no rules, so that nothing needs to be known of a hello */
export function compilePassthrough(specs: readonly PassthroughSpec[]): Passthrough | null {
  if (specs.length === 0) return null
  const rules = specs.map(compileRule)
  return (hello) => rules.findIndex((matches) => matches(hello))
}

function compileRule({ names, protocols }: PassthroughSpec): (hello: ClientHello) => boolean {
  const isNamed = names.length === 0 ? null : compileNames(names)
  const wanted = new Set(protocols)
  return (hello) =>
    (isNamed === null || isNamed(hello.serverName)) &&
    (wanted.size === 0 || hello.protocols.some((protocol) => wanted.has(protocol)))
}

/** '*.example.com' stands for every name below, however deep, as in a route. */
function compileNames(names: readonly string[]): (asked: string) => boolean {
  const exact = new Set(names.filter((name) => !name.startsWith('*.')))
  const above = new Set(names.filter((name) => name.startsWith('*.')).map((name) => name.slice(2)))
  return (asked) => {
    const name = asked.endsWith('.') ? asked.slice(0, -1) : asked
    if (exact.has(name)) return true
    if (above.size === 0) return false
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      if (dot > 0 && above.has(name.slice(dot + 1))) return true
    }
    return false
  }
}
