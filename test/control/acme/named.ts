// BIND on loopback, with one zone that takes updates that are signed with one key.
import { deadPort, eventually } from '../../support/peers.ts'
import { files, folder, program } from '../../support/programs.ts'
import { listening, start } from './pebble.ts'

export interface Named {
  readonly port: number
  readonly zone: 'weir.test'
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: Uint8Array }
  /** The secret in base64. */
  readonly secret: string
}

export const withoutNamed = program('named') === null

export async function startNamed(algorithm = 'hmac-sha256'): Promise<Named> {
  const [port, where] = [await deadPort(), folder()]
  const secret = Buffer.from('a secret of thirty-two bytes here').toString('base64')
  const { 'weir.zone': zone } = files({
    'weir.zone': `$TTL 60
@ IN SOA ns.weir.test. root.weir.test. 1 60 60 60 60
@ IN NS ns.weir.test.
* IN A 127.0.0.1
@ IN A 127.0.0.1
ns IN A 127.0.0.1
`,
  })
  const { 'named.conf': path } = files({
    'named.conf': `options {
  directory "${where}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
};
controls { };
key "weir-key." { algorithm ${algorithm}; secret "${secret}"; };
zone "weir.test" { type primary; file "${zone}"; update-policy { grant weir-key. zonesub TXT; }; };
`,
  })
  const { log } = start('named', ['-g', '-c', path], {})
  await listening(port, log)
  await eventually('all zones', () => log().includes('all zones loaded'), 15_000)
  return {
    port,
    zone: 'weir.test',
    secret,
    key: { name: 'weir-key', algorithm, secret: Buffer.from(secret, 'base64') },
  }
}
