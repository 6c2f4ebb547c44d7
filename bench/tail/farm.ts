// A farm that stands for as long as something is measured on it: the servers of a scenario and a load balancer before them,
// each a process of its own, all ended by their ids. The load balancer has the first core, the rest is for the others.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { untilAnswering } from '../load/probe.ts'
import { cores } from '../machine.ts'
import type { Launch } from '../peers/peer.ts'
import { checkLog, freePort, pinned, run, start } from '../process.ts'
import type { TailSample } from './load.ts'
import type { TailSetup } from './peers.ts'
import { MEAN_SERVICE, type TailScenario } from './scenarios.ts'

export interface FarmOptions {
  /** Where a folder of its own is made. */
  readonly folder: string
  readonly scenario: TailScenario
  readonly servers: number
  readonly seed: number
  /** Seconds that faults are drawn for, and the second from which servers fail. */
  readonly span: number
  readonly faultFrom: number
  /** Of the load balancer. */
  readonly cores: 1 | 2
  /** Writes its configuration and says how to start it. */
  readonly prepare: (setup: TailSetup) => Launch
}

export interface LoadOptions {
  /** Requests per second. */
  readonly rate: number
  /** Measured time, after `warmup` seconds. */
  readonly seconds: number
  readonly warmup: number
  readonly seed: number
  /** Mean work of a request and patience of a client, in ms. Else 20 and 3000. */
  readonly mean?: number
  readonly timeout?: number
}

export interface Farm {
  readonly port: number
  readonly load: (options: LoadOptions) => Promise<TailSample>
  /** Requests that each server has had. */
  readonly counted: () => Promise<readonly number[]>
}

const node = [process.execPath, '--no-warnings']
const here = (file: string): string => join(import.meta.dirname, file)

/** What the load balancer leaves, as taskset takes it. */
export const otherCores = cores > 1 ? `1-${cores - 1}` : '0'

/** @throws when a process does not start or ends early, and whatever `work` throws */
export async function withFarm<Result>(options: FarmOptions, work: (farm: Farm) => Promise<Result>): Promise<Result> {
  const setup = {
    folder: mkdtempSync(join(options.folder, 'run-')),
    port: await freePort(),
    servers: await freePorts(options.servers),
  }
  const output = join(setup.folder, 'output.log')
  const args = [options.scenario.name, options.seed, options.span, options.faultFrom, ...setup.servers].map(String)
  const servers = await start([...node, here('servers.ts'), ...args], { cores: otherCores, output })
  try {
    // nginx would take a server that is not there yet for dead, for ten seconds.
    for (const port of setup.servers) await untilAnswering({ port, path: '/ready', tls: false }, servers)
    const launch = options.prepare(setup)
    const proxy = await start(launch.argv, { cores: options.cores === 2 ? `0,${otherCores}` : '0', output })
    try {
      await untilAnswering({ port: setup.port, path: '/serve/1', tls: false }, proxy)
      const result = await work({
        port: setup.port,
        load: (load) => generate(setup.port, load),
        counted: () => Promise.all(setup.servers.map(counted)),
      })
      proxy.check()
      checkLog(output)
      return result
    } finally {
      await proxy.stop()
    }
  } finally {
    await servers.stop()
  }
}

/** @param path asked for in place of work, which only the servers of a farm understand */
export async function generate(port: number, options: LoadOptions, path?: string): Promise<TailSample> {
  const { rate, seconds, warmup, seed, mean = MEAN_SERVICE, timeout = 3000 } = options
  const args = [port, rate, seconds, warmup, seed, mean, timeout, ...(path === undefined ? [] : [path])].map(String)
  const limit = (warmup + seconds + 30) * 1000
  return JSON.parse(await run(pinned(otherCores, [...node, here('load.ts'), ...args]), limit)) as TailSample
}

async function counted(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/counted`)
  return Number(await answer.text())
}

export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) found.add(await freePort())
  return [...found]
}
