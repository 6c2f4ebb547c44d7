// TLS to servers as written: the options of a server over those of its backend.
import {
  readAuthorities,
  readWritten,
  withKey,
  writtenCertificate,
  writtenPath,
  type ResolveContext,
} from './certificate-files.ts'
import type { ServerTlsConfig } from './config-tls.ts'
import { listOfText } from './resolve-clients.ts'
import type { BackendText } from './schema.ts'
import { child, type MapNode, type Node } from './tree.ts'

type ServerTlsText = Exclude<NonNullable<BackendText['tls']>, boolean>

interface Layer {
  readonly text: ServerTlsText | boolean | undefined
  readonly node: Node | undefined
}

/** TLS to a server of which nothing is said but that. */
export const trustingTls: ServerTlsConfig = { verify: true, ca: null, serverName: null, pins: [], certificate: null }

/**
 * @param own what the server says, and its node; so `shared` for the backend
 * @returns null: no TLS
 */
export function resolveServerTls(own: Layer, shared: Layer, context: ResolveContext): ServerTlsConfig | null {
  const said = own.text ?? shared.text ?? false
  if (said === false) return null
  const layers = [own, shared].filter(
    (layer): layer is { text: ServerTlsText; node: Node } => typeof layer.text === 'object',
  )
  const first = <K extends keyof ServerTlsText>(key: K) => {
    const layer = layers.find(({ text }) => text[key] !== undefined)
    return { value: layer?.text[key], node: layer?.node }
  }
  const [ca, shown] = [first('ca'), first('certificate')]
  const caPath = writtenPath(ca.value, ca.node, 'ca')
  return {
    verify: first('verify').value !== 'none',
    ca: caPath && readAuthorities(caPath, context.problems),
    serverName: first('server_name').value ?? null,
    pins: [...new Set(listOfText(first('pin').value).map((pin) => pin.replace(/^sha256\/\/?/, '')))],
    certificate: shown.node
      ? ownCertificate(
          layers.find(({ node }) => node === shown.node)!,
          context,
        )
      : lonelyKey(layers, context),
  }
}

/** What Weir shows of itself; a key belongs to the certificate beside it. */
function ownCertificate(
  { text, node }: { text: ServerTlsText; node: Node },
  context: ResolveContext,
): ServerTlsConfig['certificate'] {
  const at = child(node, 'certificate')!
  const form = writtenCertificate(text.certificate!, at)
  const key = writtenPath(text.key, node, 'key')
  if (key === null && child(node, 'key')) return null // there is a key option, and it is wrong
  const [written] = key ? withKey([form], key, node as MapNode, { problems: context.problems, alone: true }) : [form]
  const read = written ? readWritten(written, context) : null
  return read && { cert: read.cert, key: read.key }
}

function lonelyKey(layers: readonly { text: ServerTlsText; node: Node }[], { problems }: ResolveContext): null {
  const at = layers.map(({ node }) => node).find((node) => child(node, 'key') && !child(node, 'certificate'))
  if (at?.kind === 'map')
    problems.add(at.entries.get('key')!.keyPlace, 'MISSING', 'key needs the certificate that it belongs to')
  return null
}
