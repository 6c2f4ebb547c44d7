// HAProxy, set up as an operator who wants speed would: one thread, connections to servers reused, no log unless asked.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstLine } from '../machine.ts'
import type { Peer, Setup } from './peer.ts'

/**
 * Its access log goes to standard output, which is a file here: the cheapest of its targets, one write per line. The usual
 * one, a datagram to syslog, costs it more, and nothing else would be measured in the same way.
 */
function config({ port, serverPort, mode, certificate, accessLog }: Setup): string {
  const http = mode === 'http'
  return `
global
  nbthread 1
  maxconn 12000
  no strict-limits
  ${accessLog ? 'log stdout format raw local0 info' : '# no log'}
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256

defaults
  mode ${mode}
  ${accessLog ? `log global\n  option ${http ? 'httplog' : 'tcplog'}` : '# no log'}
  ${http ? 'option forwardfor\n  option http-keep-alive\n  http-reuse aggressive\n  timeout http-keep-alive 75s' : '# tcp'}
  timeout connect 5s
  timeout client 75s
  timeout server 75s

frontend web
  bind 127.0.0.1:${port}${certificate ? ` ssl crt ${certificate} alpn http/1.1` : ''}
  maxconn 12000
  default_backend app

backend app
  balance roundrobin
  server one 127.0.0.1:${serverPort}
`
}

export const haproxy: Peer = {
  name: 'haproxy',
  workers: 1,
  warmUp: 1,
  version: () => /HAProxy version (\S+)/.exec(firstLine('haproxy', '-v') ?? '')?.[1]?.replace(/^/, 'HAProxy ') ?? null,
  cannot: () => null,
  prepare(setup) {
    const file = join(setup.folder, 'haproxy.cfg')
    writeFileSync(file, config(setup))
    const launch = { argv: ['haproxy', '-db', '-f', file] }
    return setup.accessLog ? { ...launch, output: setup.accessLog } : launch
  },
}
