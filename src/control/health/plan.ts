// What the monitor has to do, from the configuration: the check of each backend, and for each server where it goes.
// The rows of the scoreboard come from the snapshot, which numbers backends and servers; names tie the two together.
import type { Config, ServerConfig } from '../../config/config.ts'
import type { SendProxySpec, Snapshot } from '../../messages/snapshot.ts'
import type { CheckedBackend } from './monitor.ts'
import type { CheckSpec, Probe } from './probe.ts'
import { httpProbe } from './probe-http.ts'
import { tcpProbe } from './probe-tcp.ts'

/** @throws Error when the snapshot was not made from this configuration */
export function planChecks(config: Config, snapshot: Snapshot): CheckedBackend[] {
  const backends = byName(config.backends)
  return snapshot.backends.map((backend) => {
    const configured = find(backends, backend.name)
    const servers = byName(configured.servers)
    return {
      backend,
      check: configured.healthCheck,
      probeFor: (server) => probe(find(servers, server.name), configured.healthCheck!, backend.sendProxy),
      probedAs: (server) => [find(servers, server.name).check, backend.sendProxy],
    }
  })
}

function probe({ check, port }: ServerConfig, { http, timeout }: CheckSpec, sendProxy: SendProxySpec | null): Probe {
  // Another port has something else behind it, which knows nothing of PROXY headers.
  const version = sendProxy === null || check.port !== port ? null : sendProxy.version
  return http === null ? tcpProbe(check, timeout, version) : httpProbe(check, http, timeout, version)
}

const byName = <T extends { readonly name: string }>(list: readonly T[]): ReadonlyMap<string, T> =>
  new Map(list.map((each) => [each.name, each]))

function find<T>(named: ReadonlyMap<string, T>, name: string): T {
  const found = named.get(name)
  if (found === undefined) throw new Error(`the snapshot has ${name}, the configuration has not`)
  return found
}
