// Two thousand slow clients beside a few quiet ones. Each of the attackers costs next to nothing to run, so what counts is what
// it costs the load balancer: memory, and the time of the others.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentKiB } from '../cpu.ts'
import { untilAnswering } from '../load/probe.ts'
import type { Bench } from '../measure.ts'
import type { Launch } from '../peers/peer.ts'
import { checkLog, childEnv, freePort, pinned, start, track } from '../process.ts'
import { generate, otherCores } from '../tail/farm.ts'
import type { TailSample } from '../tail/load.ts'
import { pooled } from '../tail/report.ts'
import type { AttackCounts } from './attackers.ts'
import { haproxyLaunch, weirLaunch } from './proxies.ts'
import { goal, ms, number, type FaultScenario, type Figures } from './scenario.ts'

const ATTACKERS = 2000
/** Requests per second of the quiet clients. */
const QUIET = 200
const WARM_UP = 2
/** Until the first attackers are near the deadlines that both have for a head, in seconds. */
const UNDER_WAY = 8
/** For garbage collection, in ms. */
const SETTLE = 1000

type Ports = Bench['backend']['ports']

/** Both keep their defaults, but for HAProxy's deadline of a head, which has none and is given that of Weir. */
const contestants: Readonly<Record<string, (folder: string, port: number, ports: Ports) => Launch>> = {
  weir: (folder, port, { pages, answers }) =>
    weirLaunch(folder, port, [`127.0.0.1:${pages}`], {
      frontend: { routes: [{ path: '/upload', backend: 'uploads' }] },
      backends: { uploads: { health_check: 'off', servers: [`127.0.0.1:${answers}`] } },
    }),
  haproxy: (folder, port, { pages, answers }) =>
    haproxyLaunch(folder, port, [`127.0.0.1:${pages}`], {
      defaults: '  timeout http-request 10s',
      frontend: '  use_backend uploads if { path_beg /upload }',
      more: `backend uploads\n  server u0 127.0.0.1:${answers}`,
    }),
}

export const attack: FaultScenario = {
  name: 'slow-clients',
  doc: `${ATTACKERS} attackers, a third of each kind: a head that comes line by line, a body that comes by twenty bytes a
second, a reader that takes 256 bytes a second of 4 MiB. Whoever is cut off comes back at once. Beside them ${QUIET} requests per
second of clients that mean well. Memory is what the attackers have added to the process, by their number; what the kernel
keeps for their sockets is not in it.`,
  contestants: Object.keys(contestants),
  columns: [
    ms('quiet', 'p99 before'),
    ms('attacked', 'p99 under attack'),
    number('ratio', 'ratio', 2),
    number('failed', 'failed'),
    number('memory', 'KiB per attacker', 1),
    number('connected', 'attackers connected'),
    number('cut', 'cut off'),
  ],
  async measure({ folder: parent, backend, seconds }, contestant, round) {
    const folder = mkdtempSync(join(parent, 'attack-'))
    const port = await freePort()
    const launch = contestants[contestant]!(folder, port, backend.ports)
    const output = join(folder, 'output.log')
    const proxy = await start(launch.argv, { cores: '0', output })
    try {
      await untilAnswering({ port, path: '/small', tls: false }, proxy)
      const load = (warmup: number): Promise<TailSample> =>
        generate(port, { rate: QUIET, seconds: 2 * seconds, warmup, seed: 101 + round }, '/small')
      const before = await load(WARM_UP)
      await sleep(SETTLE)
      const resident = residentKiB(proxy.pid)
      return await underAttack(port, async (counts): Promise<Figures> => {
        const during = await load(UNDER_WAY)
        await sleep(SETTLE)
        proxy.check()
        checkLog(output)
        const { connected, cut } = await counts()
        const memory = (residentKiB(proxy.pid) - resident) / connected
        const [quiet, attacked] = [before, during].map((sample) => pooled([sample]).p99) as [number, number]
        return { quiet, attacked, ratio: attacked / quiet, failed: during.failed, memory, connected, cut }
      })
    } finally {
      await proxy.stop()
    }
  },
  goals: (outcome) => goal('slow clients: p99 of the others to that before', outcome.figure('weir', 'ratio'), '<=', 2),
}

/** Attackers in a process of their own for as long as `work` takes, which can ask how they fare. */
async function underAttack<Result>(
  port: number,
  work: (counts: () => Promise<AttackCounts>) => Promise<Result>,
): Promise<Result> {
  const program = join(import.meta.dirname, 'attackers.ts')
  const [command, ...args] = pinned(otherCores, [
    process.execPath,
    '--no-warnings',
    program,
    String(port),
    String(ATTACKERS),
  ])
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'], env: childEnv() })
  track(child)
  const limit = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const lines = createInterface(child.stdout)
  const said = async (): Promise<AttackCounts> => {
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?]
    if (line === undefined) throw new Error('the attackers ended early')
    return JSON.parse(line) as AttackCounts
  }
  try {
    await said()
    return await work(() => {
      child.stdin.write('?\n')
      return said()
    })
  } finally {
    clearTimeout(limit)
    child.kill('SIGKILL')
  }
}
