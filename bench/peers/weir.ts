// Weir itself, started as anybody starts it: `bin/weir run -f FILE`.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageVersion } from '../machine.ts'
import type { Launch, Peer, Setup } from './peer.ts'

const root = join(import.meta.dirname, '..', '..')

function config({ port, serverPort, mode, certificate, accessLog }: Setup, workers: number): string {
  const log = accessLog ? `, access_log: '${accessLog}'` : ''
  const tls = certificate ? `, tls: ${certificateText(certificate)}` : ''
  return `
global: { workers: ${workers}, max_connections: 12000, admin: off, control_socket: off, log: { level: warn }${log} }
frontends:
  web: { mode: ${mode}, bind: '127.0.0.1:${port}'${tls}, backend: app }
backends:
  app: { mode: ${mode}, balance: roundrobin, health_check: off, servers: ['127.0.0.1:${serverPort}'] }
`
}

const certificateText = (path: string): string =>
  statSync(path).isDirectory() ? `{ certificate: { folder: '${path}' } }` : `'${path}'`

/** Writes the configuration. @returns the arguments of weir that run it */
export function weirArguments(setup: Setup, workers: number): string[] {
  const file = join(setup.folder, 'weir.yaml')
  writeFileSync(file, config(setup, workers))
  return ['run', '-f', file]
}

/** With `node` options, such as a profiler's, the entry point is started without bin/weir. */
export function weirLaunch(setup: Setup, workers: number, nodeOptions: readonly string[] = []): Launch {
  const args = weirArguments(setup, workers)
  if (nodeOptions.length === 0) return { argv: [join(root, 'bin', 'weir'), ...args] }
  return { argv: [process.execPath, ...nodeOptions, join(root, 'src', 'main.ts'), ...args] }
}

export const weir = (workers: number): Peer => ({
  name: workers === 1 ? 'weir' : `weir-${workers}-workers`,
  workers,
  warmUp: 2,
  version: () => `Weir ${packageVersion('.')} on Node ${process.versions.node} (OpenSSL ${process.versions.openssl})`,
  cannot: () => null,
  prepare: (setup) => weirLaunch(setup, workers),
})

/** Ends both when it is told to end. */
const twice = 'trap "kill $one $two" TERM; "$@" & one=$!; "$@" & two=$!; wait; wait'

/**
 * Two processes of one worker each, on one port. They share nothing but the kernel: what two workers of one process are
 * compared with where there are no cores left for the load.
 */
export const weirTwice: Peer = {
  ...weir(1),
  name: 'weir-2-processes',
  workers: 2,
  prepare(setup) {
    return { argv: ['sh', '-c', twice, 'sh', ...weirLaunch(setup, 1).argv] }
  },
}
