// Load by wrk: one thread on the generator's core, a closed loop over some connections.
// TLS is pinned down on the client's side, so that every peer negotiates the same: 1.3, AES-128-GCM, X25519.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pinned, run } from '../process.ts'
import type { LoadResult } from './load.ts'

const script = join(import.meta.dirname, 'wrk.lua')

const opensslConfig = `
openssl_conf = main
[main]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
`

export interface WrkOptions {
  readonly url: string
  readonly kind: string
  /** A pair for the Cookie field; empty: no such field. */
  readonly cookie?: string
  readonly connections: number
  readonly seconds: number
  readonly cores: string
  /** Where a small OpenSSL configuration can be written. */
  readonly folder: string
}

export async function wrk(options: WrkOptions): Promise<LoadResult> {
  const { url, kind, cookie, connections, seconds, cores, folder } = options
  const config = join(folder, 'wrk-openssl.cnf')
  writeFileSync(config, opensslConfig)
  const argv = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', script, url, '--', kind]
  if (cookie) argv.push(cookie)
  const output = await run(pinned(cores, argv), (seconds + 15) * 1000, { OPENSSL_CONF: config })
  const result = /^result (\{.*\})$/m.exec(output)?.[1]
  if (!result) throw new Error(`wrk printed no result:\n${output}`)
  return JSON.parse(result) as LoadResult
}
