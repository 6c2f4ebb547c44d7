// Changes to a farm for questions such as "and without web3?". The traffic is what it was: when capacity goes, the load on
// what is left rises. Pure.
import { buildPool, type PoolRules } from '../balance/pool.ts'
import { ADMIN_READY, HEALTH_UP } from '../model/states.ts'
import { capacityOf } from './capacity.ts'
import { equalServers } from './scenarios.ts'
import type { Fault, SimulatedServer } from './types.ts'

export interface Farm {
  readonly servers: readonly SimulatedServer[]
  readonly faults: readonly Fault[]
}

/** The farm without a server; what would have happened to it does not. @returns null when it has no server of this name */
export function remove({ servers, faults }: Farm, name: string): Farm | null {
  const gone = servers.findIndex((server) => server.name === name)
  if (gone < 0) return null
  const renumbered = faults.map((fault) => ({
    ...fault,
    servers: fault.servers.filter((index) => index !== gone).map((index) => (index > gone ? index - 1 : index)),
  }))
  return {
    servers: servers.toSpliced(gone, 1),
    faults: renumbered.filter((fault) => fault.servers.length > 0),
  }
}

/** One more server like the last one, at full speed, that nothing happens to. @returns null when the name is taken */
export function add({ servers, faults }: Farm, name: string): Farm | null {
  if (servers.some((server) => server.name === name)) return null
  const like = servers.at(-1) ?? equalServers(1)[0]!
  return { servers: [...servers, { ...like, name, speed: 1 }], faults }
}

export const withCores = (farm: Farm, cores: number): Farm => ({
  ...farm,
  servers: farm.servers.map((server) => ({ ...server, cores })),
})

/** What the servers that take traffic when all is well can do, and what all of them can: backups wait, for one. */
export function capacities(farm: Farm, rules: PoolRules, duration: number): { serving: number; all: number } {
  const count = farm.servers.length
  const ints = (value: number): Int32Array => new Int32Array(count).fill(value)
  const weight = Int32Array.from(farm.servers, (server) => server.weight)
  const states = { admin: ints(ADMIN_READY), health: ints(HEALTH_UP), weight, ramp: ints(0), ejected: ints(0) }
  const members = farm.servers.map((server, slot) => ({ ...server, slot }))
  const used = new Set(buildPool({ backend: 0, members, rules, states }).slot)
  const idle = members.filter(({ slot }) => !used.has(slot))
  const serving = idle.reduce<Farm>((left, { name }) => remove(left, name)!, farm)
  return { serving: capacityOf({ ...serving, duration }), all: capacityOf({ ...farm, duration }) }
}

/**
 * A scenario that was written for other servers, laid over these. One server alone keeps its place; of several the same
 * share is taken: half of eight is half of four.
 */
export function fitted(farm: Farm, servers: readonly SimulatedServer[]): Farm {
  const count = farm.servers.length
  const twin = (i: number): number => Math.floor((i * count) / servers.length)
  const laid = servers.map((server, i) => {
    const { cores, speed, discipline } = farm.servers[twin(i)]!
    return { ...server, cores, speed, discipline }
  })
  const faults = farm.faults.map((fault) => {
    const [first] = fault.servers
    if (fault.servers.length === count) return { ...fault, servers: servers.map((_, i) => i) }
    if (fault.servers.length === 1) return { ...fault, servers: [Math.min(first!, servers.length - 1)] }
    const hit = servers.map((_, i) => i).filter((i) => fault.servers.includes(twin(i)))
    return { ...fault, servers: hit.length > 0 ? hit : [0] }
  })
  return { servers: laid, faults }
}
