// hitch, which does what Pound is put in front for: it terminates TLS and hands the bytes on, to a server of which it knows no more
// than the address. It reads no HTTP: it adds no field, chooses no server by request, and opens a connection to the server for
// each of its clients'. So it stands here for the least that TLS costs, beside proxies that do more.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstLine } from '../machine.ts'
import type { Peer, Setup } from './peer.ts'

/** One worker process. It changes to no other user: the one that runs the bench can read the certificate. */
const config = ({ port, serverPort, certificate }: Setup): string => `
frontend = "[127.0.0.1]:${port}"
backend = "[127.0.0.1]:${serverPort}"
${statSync(certificate!).isDirectory() ? 'pem-dir' : 'pem-file'} = "${certificate}"
workers = 1
backlog = 4096
tls-protos = TLSv1.3
ciphersuites = "TLS_AES_128_GCM_SHA256"
alpn-protos = "http/1.1"
daemon = off
quiet = on
syslog = off
`

export const hitch: Peer = {
  name: 'hitch',
  workers: 1,
  warmUp: 1,
  version: () => /hitch (\S+)/i.exec(firstLine('hitch', '--version') ?? '')?.[0] ?? null,
  cannot: ({ certificate, accessLog }) =>
    certificate === null || accessLog !== null ? 'it does TLS, and nothing else' : null,
  prepare(setup) {
    const file = join(setup.folder, 'hitch.conf')
    writeFileSync(file, config(setup))
    const user = process.getuid?.() === 0 ? ['--user=root', '--group=root'] : []
    return { argv: ['hitch', `--config=${file}`, ...user] }
  },
}
