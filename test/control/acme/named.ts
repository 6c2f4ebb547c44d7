// BIND on loopback, with zones that take updates of TXT records that are signed with one key, and zones that take none.
import { deadPort, eventually } from '../../support/peers.ts'
import { files, folder, program } from '../../support/programs.ts'
import { listening, start } from './pebble.ts'

export interface Named {
  readonly port: number
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: Uint8Array }
  /** The secret in base64. */
  readonly secret: string
}

export interface NamedWish {
  readonly algorithm?: string
  /** Lines of each zone that takes updates, by its name; beside those that make a zone of it. */
  readonly zones?: Readonly<Record<string, string>>
  /** The same of zones that take none. */
  readonly fixed?: Readonly<Record<string, string>>
  /** It follows aliases from one of its zones to another for those that ask, as an authority does. */
  readonly resolves?: boolean
}

export const withoutNamed = program('named') === null

const zoneFile = (lines: string): string => `$TTL 60
@ IN SOA ns root 1 60 60 60 60
@ IN NS ns
ns IN A 127.0.0.1
${lines}
`

/** A zone whose names are all here. */
const OWN = { 'weir.test': '* IN A 127.0.0.1\n@ IN A 127.0.0.1' }

export async function startNamed({
  algorithm = 'hmac-sha256',
  zones = OWN,
  fixed = {},
  resolves = false,
}: NamedWish = {}): Promise<Named> {
  const [port, where] = [await deadPort(), folder()]
  const secret = Buffer.from('a secret of thirty-two bytes here').toString('base64')
  const written = files(
    Object.fromEntries(Object.entries({ ...zones, ...fixed }).map(([name, lines]) => [name, zoneFile(lines)])),
  )
  const zoneOf = (name: string, more: string): string =>
    `zone "${name}" { type primary; file "${written[name]}"; ${more} };\n`
  const { 'named.conf': path } = files({
    'named.conf': `options {
  directory "${where}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion ${resolves ? 'yes' : 'no'};
  dnssec-validation no;
};
controls { };
key "weir-key." { algorithm ${algorithm}; secret "${secret}"; };
${Object.keys(zones)
  .map((name) => zoneOf(name, 'update-policy { grant weir-key. zonesub TXT; };'))
  .join('')}${Object.keys(fixed)
      .map((name) => zoneOf(name, ''))
      .join('')}`,
  })
  const { log } = start('named', ['-g', '-c', path], {})
  await listening(port, log)
  await eventually('all zones', () => log().includes('all zones loaded'), 15_000)
  if (log().includes('not loaded due to errors')) throw new Error(log())
  return { port, secret, key: { name: 'weir-key', algorithm, secret: Buffer.from(secret, 'base64') } }
}
