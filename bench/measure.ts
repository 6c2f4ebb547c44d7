// One measurement: start a peer, wait until it answers, warm it up, then CPU time before and after a bounded window.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from './backend.ts'
import type { Certificates } from './certificates.ts'
import { cpuMicros, residentKiB } from './cpu.ts'
import { runHandshakes } from './load/handshakes.ts'
import { idleMemory } from './load/idle.ts'
import type { LoadResult } from './load/load.ts'
import { untilAnswering } from './load/probe.ts'
import { wrk } from './load/wrk.ts'
import { cores } from './machine.ts'
import type { Launch, Peer, Setup } from './peers/peer.ts'
import { freePort, start } from './process.ts'
import type { Running } from './process.ts'
import type { Workload } from './workloads.ts'

export interface Bench {
  /** Folder of the whole run. */
  readonly folder: string
  readonly backend: Backend
  readonly certificates: Certificates
  /** Length of a window. */
  readonly seconds: number
}

export interface Sample {
  /** Microseconds of CPU time per request or per MiB; KiB per connection where memory is measured. */
  readonly cost: number
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /** Share of one core that the proxy used; 1 is all of it. */
  readonly busy: number
  readonly errors: number
}

/** The proxy has the first core or, with two workers, the first two; load and servers have what is left of the machine. */
export function placement(workers: number): { proxy: string; load: string } {
  if (cores < 2) return { proxy: '0', load: '0' }
  if (workers === 1) return { proxy: '0', load: cores > 2 ? `1-${cores - 1}` : '1' }
  return { proxy: '0,1', load: cores > 3 ? `2-${cores - 1}` : '0,1' }
}

export async function measure(bench: Bench, workload: Workload, peer: Peer): Promise<Sample> {
  const setup = await prepare(bench, workload)
  const proxy = await startPeer(peer.prepare(setup), setup, workload, placement(peer.workers).proxy)
  try {
    if (workload.load.tool === 'idle') return await measureIdle(workload, setup, proxy)
    await generate(workload, setup, warmUp(workload, peer))
    const before = cpuMicros(proxy.pid)
    const result = await generate(workload, setup, bench.seconds)
    const used = cpuMicros(proxy.pid) - before
    proxy.check()
    return toSample(workload, result, used)
  } finally {
    await proxy.stop()
  }
}

/** Handshakes are few in a second, so what compiles as it runs (and says so by a longer warm-up) needs longer yet. */
const warmUp = ({ load }: Workload, { warmUp: usual }: Peer): number =>
  load.tool === 'handshakes' && usual > 1 ? usual * 2 : usual

/** Folder and ports for one start of a peer. */
export async function prepare(bench: Bench, workload: Workload): Promise<Setup> {
  const folder = mkdtempSync(join(bench.folder, `${workload.name}-`))
  return {
    folder,
    port: await freePort(),
    serverPort: bench.backend.ports[workload.backend],
    mode: workload.mode,
    certificate: workload.tls ? bench.certificates[workload.tls] : null,
    accessLog: workload.accessLog ? join(folder, 'access.log') : null,
  }
}

export async function startPeer(
  launch: Launch,
  setup: Setup,
  workload: Workload,
  onCores: string,
  patience?: number,
): Promise<Running> {
  const output = launch.output ?? join(setup.folder, 'output.log')
  const proxy = await start(launch.argv, { cores: onCores, output, env: launch.env ?? {} })
  try {
    await untilAnswering({ port: setup.port, path: probePath(workload), tls: workload.tls !== null }, proxy, patience)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  return proxy
}

/** Runs the workload's load for some seconds. */
export async function generate(workload: Workload, setup: Setup, seconds: number): Promise<LoadResult> {
  const { load, connections, tls } = workload
  const onCores = placement(workload.onlyPeers ? 2 : 1).load
  switch (load.tool) {
    case 'wrk': {
      const url = `${tls ? 'https' : 'http'}://127.0.0.1:${setup.port}${load.path}`
      const { kind, cookie = '' } = load
      return wrk({ url, kind, cookie, connections, seconds, cores: onCores, folder: setup.folder })
    }
    case 'handshakes': {
      const { resume } = load
      return runHandshakes({ port: setup.port, path: '/small', clients: connections, seconds, resume, cores: onCores })
    }
    case 'idle':
      throw new Error('idle connections are not a load')
  }
}

async function measureIdle(workload: Workload, setup: Setup, proxy: Running): Promise<Sample> {
  const cost = await idleMemory({
    port: setup.port,
    path: '/small',
    tls: workload.tls !== null,
    connections: workload.connections,
    cores: placement(1).load,
    resident: () => residentKiB(proxy.pid),
  })
  return { cost, rate: 0, p50: 0, p99: 0, busy: 0, errors: 0 }
}

function toSample(
  workload: Workload,
  { requests, bytes, errors, seconds, p50, p99 }: LoadResult,
  used: number,
): Sample {
  const amount = workload.per === 'MiB' ? bytes / 2 ** 20 : requests
  if (amount === 0) throw new Error('no request was answered')
  if (errors > requests / 100) throw new Error(`${errors} errors beside ${requests} answers`)
  return { cost: used / amount, rate: amount / seconds, p50, p99, busy: used / 1e6 / seconds, errors }
}

const probePath = ({ load }: Workload): string => (load.tool === 'wrk' ? load.path : '/small')
