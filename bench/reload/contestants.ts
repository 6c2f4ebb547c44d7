// Who is reloaded: Weir in its one process, and HAProxy as a master whose worker is replaced (SIGUSR2). Both have one
// frontend with a clear bind and one over TLS, and get the same changes: weights, and a server that comes and goes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { haproxyLaunch, weirLaunch, type HaproxyParts } from '../faults/proxies.ts'
import { haproxy } from '../peers/haproxy.ts'
import type { Launch } from '../peers/peer.ts'
import { weir } from '../peers/weir.ts'

export interface ReloadSetup {
  /** A folder of this run, for configuration and logs. */
  readonly folder: string
  readonly port: number
  readonly tlsPort: number
  readonly adminPort: number
  /** Of two servers; the second one is in every other generation of the file. */
  readonly servers: readonly [string, string]
  /** Combined PEM. */
  readonly certificate: string
}

export interface Contestant {
  readonly name: string
  readonly version: () => string | null
  /** Cores that it is given. */
  readonly cores: 1 | 2
  /** Writes a generation of its file. @returns how it is started */
  readonly write: (setup: ReloadSetup, generation: number) => Launch
  /** Makes the process read its file. */
  readonly signal: NodeJS.Signals
  /** Reloads that it says were carried out. */
  readonly carriedOut: (setup: ReloadSetup) => Promise<number>
}

/** What a generation of the file says of the servers. */
function serversOf({ servers: [first, second] }: ReloadSetup, generation: number) {
  const one = { address: first, weight: 1 + (generation % 3) }
  return generation % 2 === 0 ? [one, { address: second, weight: 1 }] : [one]
}

const weirContestant = (workers: 1 | 2): Contestant => ({
  name: workers === 1 ? 'weir' : 'weir, 2 workers',
  version: () => weir(1).version(),
  cores: workers,
  write(setup, generation) {
    const { folder, port, tlsPort, adminPort, certificate } = setup
    const servers = Object.fromEntries(serversOf(setup, generation).map((server, i) => [`s${i}`, server]))
    const bind = [`127.0.0.1:${port}`, { address: `127.0.0.1:${tlsPort}`, tls: certificate }]
    const global = { workers, admin: `127.0.0.1:${adminPort}` }
    return weirLaunch(folder, port, servers, { global, frontend: { bind }, backend: { balance: 'roundrobin' } })
  },
  signal: 'SIGHUP',
  async carriedOut({ adminPort }) {
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    const found = /^weir_config_reloads_total\{result="(?:ok|succe\w+)"\} (\d+)$/m.exec(metrics)
    return Number(found?.[1] ?? 0)
  },
})

/** In foreground, as a service manager runs it. Listening sockets go from worker to worker by the master. */
const haproxyContestant = (name: string, parts: HaproxyParts): Contestant => ({
  name,
  version: () => haproxy.version(),
  cores: 1,
  write(setup, generation) {
    const { folder, port, tlsPort, certificate } = setup
    const servers = serversOf(setup, generation).map(({ address, weight }) => `${address} weight ${weight}`)
    const bind = `  bind 127.0.0.1:${tlsPort} ssl crt ${certificate} alpn http/1.1`
    const { argv } = haproxyLaunch(folder, port, servers, {
      ...parts,
      global: '  ssl-default-bind-options ssl-min-ver TLSv1.3\n  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256',
      frontend: bind,
      backend: '  balance roundrobin',
    })
    return { argv: [argv[0]!, '-W', ...argv.slice(1)], output: outputOf(setup) }
  },
  signal: 'SIGUSR2',
  async carriedOut(setup) {
    const workers = readFileSync(outputOf(setup), 'utf8').match(/New worker .*forked/g)?.length ?? 0
    return Math.max(0, workers - 1)
  },
})

const outputOf = ({ folder }: ReloadSetup): string => join(folder, 'output.log')

export const contestants: readonly Contestant[] = [
  weirContestant(1),
  haproxyContestant('haproxy', {}),
  haproxyContestant('haproxy, idle-close-on-response', { defaults: '  option idle-close-on-response' }),
  weirContestant(2),
]
