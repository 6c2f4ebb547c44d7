// The Weir that the tests of reload begin with: http, TLS and tcp, each with a frontend that nobody takes away, and servers
// that say who they are.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from '../support/certificates.ts'
import { folder } from '../support/programs.ts'
import { echoServer, httpServer, listed, ReloadStage, type FileConfig, type Named } from './reload-stage.ts'

export interface World {
  readonly config: FileConfig
  readonly stage: ReloadStage
  /** a to d; of these the backend `app` has all but the last. */
  readonly servers: readonly [Named, Named, Named, Named]
  /** Where the certificate of the frontend `secure` is, and what may stand in it: for one.test and for two.test. */
  readonly pem: string
  readonly certificates: readonly [string, string]
}

const certificateFor = async (name: string): Promise<string> => {
  const { cert, key } = await makeCertificate({ names: [name, 'localhost'] })
  return cert + key
}

export async function startWorld(): Promise<World> {
  const servers = await Promise.all([httpServer('a'), httpServer('b'), httpServer('c'), httpServer('d')])
  const pem = join(folder(), 'site.pem')
  const certificates = [await certificateFor('one.test'), await certificateFor('two.test')] as const
  writeFileSync(pem, certificates[0])
  const check = { path: '/health', interval: '200ms', rise: 1, fall: 3 }
  const app = { health_check: check, slow_start: '0s' }
  const [a, b, c] = servers
  const config: FileConfig = {
    frontends: {
      web: { bind: ['127.0.0.1:0'], routes: [{ path: '/ws', backend: 'sockets' }], backend: 'app' },
      secure: { bind: '127.0.0.1:0', tls: pem, backend: 'app' },
      db: { mode: 'tcp', bind: '127.0.0.1:0', backend: 'db' },
    },
    backends: {
      app: { ...app, balance: 'roundrobin', servers: listed(a, b, c) },
      api: { ...app, servers: listed(a) },
      sockets: { ...app, servers: listed(c) },
      db: { health_check: 'off', servers: { one: { address: await echoServer() } } },
    },
  }
  const stage = await ReloadStage.start(config)
  for (const name of ['app', 'api', 'sockets']) await stage.settled(name, 'up')
  return { config, stage, servers, pem, certificates }
}
