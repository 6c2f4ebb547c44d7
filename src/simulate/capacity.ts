// How much work the servers of a simulation can do, faults counted: the 100 % of `load`.
import { quantile, sorted } from './statistics.ts'
import { meanSize } from './workload.ts'
import type { Fault, Setup } from './types.ts'

/** Points of the measured time at which the faults are looked at. */
const POINTS = 1000

/**
 * Work done per ms when all servers are busy, in ms on a core of speed 1. The median over the measured time: a fault that
 * lasts for most of it is part of the world that `load` is said of, and one that passes is a strain on it.
 */
export function capacityOf({ servers, faults, duration }: Pick<Setup, 'servers' | 'faults' | 'duration'>): number {
  const capacities = new Float64Array(POINTS)
  for (let point = 0; point < POINTS; point++) {
    const time = ((point + 0.5) / POINTS) * duration
    servers.forEach(({ cores, speed }, server) => {
      let there = cores * speed
      for (const fault of faults) {
        if (fault.servers.includes(server) && time >= fault.from && time < fault.to) there *= shareLeft(fault, time)
      }
      capacities[point]! += there
    })
  }
  return quantile(sorted(capacities), 0.5)
}

/** Requests per second that are the `load` of this setup. */
export function rateOf(setup: Setup): number {
  return (setup.load * capacityOf(setup) * 1000) / meanSize(setup.sizes)
}

/** What a fault leaves of a server's capacity. */
function shareLeft(fault: Fault, time: number): number {
  switch (fault.kind) {
    case 'speed':
      return fault.speed
    case 'ramp':
      return fault.speed + ((1 - fault.speed) * (time - fault.from)) / (fault.to - fault.from)
    case 'stall':
      return fault.every / (fault.every + fault.pause)
    case 'fail':
      return 1 - fault.share
    case 'hang':
    case 'absent':
      return 0
  }
}
