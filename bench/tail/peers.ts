// Who is measured: each load balancer with one of its algorithms, with no health checks and no log, one thread unless the
// name says otherwise. What a server does wrong has to be seen from the traffic.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { haproxy } from '../peers/haproxy.ts'
import { nginx, nginxFolders, nginxMain } from '../peers/nginx.ts'
import type { Launch } from '../peers/peer.ts'
import { weir } from '../peers/weir.ts'

export interface TailSetup {
  readonly folder: string
  readonly port: number
  readonly servers: readonly number[]
}

export interface TailPeer {
  readonly name: string
  /** Weir with the default algorithm is what the goals are about; the others are compared with. */
  readonly ours: boolean
  readonly version: () => string | null
  readonly prepare: (setup: TailSetup) => Launch
}

const root = join(import.meta.dirname, '..', '..')

const weirPeer = (algorithm: string, workers = 1): TailPeer => ({
  name: `weir ${algorithm}${workers > 1 ? `, ${workers} workers` : ''}`,
  ours: algorithm === 'adaptive',
  version: () => weir(1).version(),
  prepare({ folder, port, servers }) {
    const file = join(folder, 'tail-weir.yaml')
    writeFileSync(
      file,
      `
global: { workers: ${workers}, max_connections: 12000, admin: off, control_socket: off, log: { level: warn } }
frontends:
  web: { bind: '127.0.0.1:${port}', backend: app }
backends:
  app: { balance: ${algorithm}, health_check: off, servers: [${servers.map((each) => `'127.0.0.1:${each}'`).join(', ')}] }
`,
    )
    return { argv: [join(root, 'bin', 'weir'), 'run', '-f', file] }
  },
})

const haproxyPeer = (algorithm: string): TailPeer => ({
  name: `haproxy ${algorithm}`,
  ours: false,
  version: () => haproxy.version(),
  prepare({ folder, port, servers }) {
    const file = join(folder, 'tail-haproxy.cfg')
    writeFileSync(
      file,
      `
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 75s
  timeout server 75s
frontend web
  bind 127.0.0.1:${port}
  maxconn 12000
  default_backend app
backend app
  balance ${algorithm}
${servers.map((each, i) => `  server s${i} 127.0.0.1:${each}`).join('\n')}
`,
    )
    return { argv: ['haproxy', '-db', '-f', file] }
  },
})

const nginxPeer: TailPeer = {
  name: 'nginx least_conn',
  ours: false,
  version: () => nginx.version(),
  prepare({ folder, port, servers }) {
    const file = join(folder, 'tail-nginx.conf')
    writeFileSync(
      file,
      `${nginxMain(folder)}
http {
${nginxFolders(folder)}
  access_log off;
  upstream app {
    least_conn;
${servers.map((each) => `    server 127.0.0.1:${each};`).join('\n')}
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 1000000000;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
    )
    return { argv: ['nginx', '-c', file, '-p', folder] }
  },
}

export const tailPeers: readonly TailPeer[] = [
  weirPeer('adaptive'),
  weirPeer('leastconn'),
  haproxyPeer('leastconn'),
  haproxyPeer('random(2)'),
  haproxyPeer('roundrobin'),
  nginxPeer,
  weirPeer('adaptive', 2),
]
