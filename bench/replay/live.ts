// One real run: the servers of the tail bench, Weir with a JSON access log, and open-loop load, each a process of its own.
// Weir has the first core for itself; the servers and the load share the others.
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { untilAnswering } from '../load/probe.ts'
import { cores } from '../machine.ts'
import { freePort, pinned, run, start } from '../process.ts'
import { freePorts } from '../tail/farm.ts'
import type { TailSample } from '../tail/load.ts'
import { capacity, type TailScenario } from '../tail/scenarios.ts'
import { serverNames, type Settings } from './cases.ts'
import { waitedMillis } from './waited.ts'

export interface LiveOptions {
  readonly scenario: TailScenario
  /** Of the capacity, before `settings.rate`. */
  readonly load: number
  readonly settings: Settings
  /** The same one: the same requests. */
  readonly seed: number
  /** Seconds at a rate of 1; another rate makes the run shorter, for the requests are the same. */
  readonly warmup: number
  readonly seconds: number
}

export interface LiveRun {
  /** Configuration and access log, for `weir simulate`. */
  readonly config: string
  readonly log: string
  /** From the time at which a request was due to its answer, as the client sees it, in ms; the warm-up left out. */
  readonly client: readonly number[]
  readonly failed: number
  /** Share of the time for which Weir, or the servers, waited for a core; the larger of the two. */
  readonly waited: number
}

const root = join(import.meta.dirname, '..', '..')
const tail = (file: string): string => join(root, 'bench', 'tail', file)
/** Weir writes its log every 100 ms. */
const LOG_TICK = 300

/** @param folder for its files @throws when something does not start, or the load fails */
export async function runLive(folder: string, options: LiveOptions): Promise<LiveRun> {
  const { scenario, settings, seed, load } = options
  const own = mkdtempSync(join(folder, 'run-'))
  const [config, log, output] = ['weir.yaml', 'access.jsonl', 'output.log'].map((name) => join(own, name)) as [
    string,
    string,
    string,
  ]
  const port = await freePort()
  const ports = await freePorts(serverNames.length)
  writeFileSync(config, configText(port, ports, log, settings))
  const warmup = options.warmup / settings.rate
  const seconds = options.seconds / settings.rate
  const rest = cores > 1 ? `1-${cores - 1}` : '0'
  const node = [process.execPath, '--no-warnings']
  const times = [seed, warmup + seconds, 0].map(String)
  const servers = await start([...node, tail('servers.ts'), scenario.name, ...times, ...ports.map(String)], {
    cores: rest,
    output,
  })
  const weir = await start([join(root, 'bin', 'weir'), 'run', '-f', config], { cores: '0', output })
  try {
    await untilAnswering({ port, path: '/serve/1', tls: false }, weir)
    await sleep(LOG_TICK)
    truncateSync(log) // the question whether it answers is no part of the recording
    const args = [port, load * capacity(scenario) * settings.rate, seconds, warmup, seed].map(String)
    const [before, since] = [[weir, servers].map(({ pid }) => waitedMillis(pid)), performance.now()]
    const printed = await run(pinned(rest, [...node, tail('load.ts'), ...args]), (warmup + seconds + 30) * 1000)
    weir.check()
    const waits = [weir, servers].map(({ pid }, i) => waitedMillis(pid) - before[i]!)
    const waited = Math.max(...waits) / (performance.now() - since)
    const { latencies, failed } = JSON.parse(printed) as TailSample
    await weir.stop() // writes the rest of the log
    return { config, log, client: latencies, failed, waited }
  } finally {
    await weir.stop()
    await servers.stop()
  }
}

const configText = (port: number, ports: readonly number[], log: string, { algorithm, servers }: Settings): string => `
global: { workers: 1, max_connections: 12000, admin: off, control_socket: off, log: { level: warn }, access_log: '${log}' }
frontends:
  web: { bind: '127.0.0.1:${port}', backend: app }
backends:
  app:
    balance: ${algorithm}
    health_check: off
    servers:
${servers.map((name) => `      ${name}: '127.0.0.1:${ports[serverNames.indexOf(name)]}'`).join('\n')}
`
