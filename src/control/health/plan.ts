// What the monitor has to do, from the configuration: the check of each backend, and for each server where it goes.
// The rows of the scoreboard come from the snapshot, which numbers backends and servers; names tie the two together.
import type { Config, ServerConfig } from '../../config/config.ts'
import type { Snapshot } from '../../messages/snapshot.ts'
import type { CheckedBackend } from './monitor.ts'
import type { CheckSpec, Probe } from './probe.ts'
import { httpProbe } from './probe-http.ts'
import { tcpProbe } from './probe-tcp.ts'

/** @throws Error when the snapshot was not made from this configuration */
export function planChecks(config: Config, snapshot: Snapshot): CheckedBackend[] {
  return snapshot.backends.map((backend) => {
    const configured = find(config.backends, backend.name)
    return {
      backend,
      check: configured.healthCheck,
      probeFor: (server) => probe(find(configured.servers, server.name), configured.healthCheck!),
    }
  })
}

const probe = ({ check }: ServerConfig, { http, timeout }: CheckSpec): Probe =>
  http === null ? tcpProbe(check, timeout) : httpProbe(check, http, timeout)

function find<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((each) => each.name === name)
  if (found === undefined) throw new Error(`the snapshot has ${name}, the configuration has not`)
  return found
}
