// Weir and HAProxy as they stand before the servers of these scenarios: one thread, no log, no health checks, and what the
// scenario adds. Both are told the same wherever both have a word for it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Launch } from '../peers/peer.ts'
import type { TailSetup } from '../tail/peers.ts'

const root = join(import.meta.dirname, '..', '..')

/** More clients at a time than any scenario has. */
const MOST_CLIENTS = 12_000

/** Parts of a configuration, as the YAML file would have them. */
export interface WeirParts {
  readonly global?: object
  readonly frontend?: object
  readonly backend?: object
  /** Other backends, by name. */
  readonly backends?: object
}

/** @param servers addresses, by the names of servers or as a list */
export function weirLaunch(folder: string, port: number, servers: object, parts: WeirParts): Launch {
  const tree = {
    global: {
      workers: 1,
      max_connections: MOST_CLIENTS,
      admin: 'off',
      control_socket: 'off',
      log: { level: 'warn' },
      ...parts.global,
    },
    frontends: { web: { bind: `127.0.0.1:${port}`, backend: 'app', ...parts.frontend } },
    backends: { app: { health_check: 'off', servers, ...parts.backend }, ...parts.backends },
  }
  const file = join(folder, 'weir.yaml')
  writeFileSync(file, JSON.stringify(tree, null, 2)) // JSON is YAML
  return { argv: [join(root, 'bin', 'weir'), 'run', '-f', file] }
}

/** Lines of a section of HAProxy's file. */
export interface HaproxyParts {
  readonly global?: string
  readonly defaults?: string
  readonly frontend?: string
  readonly backend?: string
  /** Behind the address of each server. */
  readonly server?: string
  /** Whole sections. */
  readonly more?: string
}

export function haproxyLaunch(folder: string, port: number, servers: readonly string[], parts: HaproxyParts): Launch {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `
global
  nbthread 1
  maxconn ${MOST_CLIENTS}
  no strict-limits
${parts.global ?? ''}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 75s
  timeout server 75s
${parts.defaults ?? ''}
frontend web
  bind 127.0.0.1:${port}
  maxconn ${MOST_CLIENTS}
${parts.frontend ?? ''}
  default_backend app
backend app
${parts.backend ?? ''}
${servers.map((address, i) => `  server s${i} ${address} ${parts.server ?? ''}`).join('\n')}
${parts.more ?? ''}
`,
  )
  return { argv: ['haproxy', '-db', '-f', file] }
}

/** A contestant before the servers of a farm. */
export type Contestant = (setup: TailSetup) => Launch

const addresses = (ports: readonly number[]): string[] => ports.map((port) => `127.0.0.1:${port}`)

export const weirBefore =
  (parts: WeirParts): Contestant =>
  ({ folder, port, servers }) =>
    weirLaunch(folder, port, addresses(servers), parts)

export const haproxyBefore =
  (parts: HaproxyParts): Contestant =>
  ({ folder, port, servers }) =>
    haproxyLaunch(folder, port, addresses(servers), parts)
