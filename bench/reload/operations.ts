// `npm run bench:operations`: what clients see of an upgrade of the program, of workers that are recycled, and of a rolling
// restart behind another load balancer, under full load, of Weir and of HAProxy in the same run. HAProxy has one way for the
// first two: its master starts a new worker (SIGUSR2). Fails when Weir loses a request. --write keeps the tables in
// RESULTS-OPERATIONS.md; `--seconds 8` is a smoke.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { askAt } from '../../src/cli/control-client.ts'
import { chosen } from '../chosen.ts'
import { descendants, residentKiB } from '../cpu.ts'
import { haproxyLaunch, weirLaunch } from '../faults/proxies.ts'
import { untilAnswering } from '../load/probe.ts'
import { machineFacts } from '../machine.ts'
import { placement, type Bench } from '../measure.ts'
import { haproxy } from '../peers/haproxy.ts'
import { weir } from '../peers/weir.ts'
import { freePort, start, type Running } from '../process.ts'
import { withBench } from '../session.ts'
import { runLoad } from './load.ts'
import { failedIn, loadTable, type Measured } from './report.ts'

/** What serves while it is operated on. */
interface Subject {
  /** That clients ask. */
  readonly port: number
  /** Does it once. Resolves when it is over. */
  once(): Promise<void>
  readonly pids: () => readonly number[]
  stop(): Promise<void>
}

interface Operation {
  readonly name: string
  readonly contestants: Readonly<Record<string, (bench: Bench, cores: string) => Promise<Subject>>>
}

const operations: readonly Operation[] = [
  { name: 'upgrade', contestants: { weir: weirUpgraded, haproxy: haproxyReplaced } },
  { name: 'workers recycled', contestants: { 'weir, 2 workers': weirRecycled, haproxy: haproxyReplaced } },
  {
    name: 'rolling restart of two behind HAProxy',
    contestants: { weir: (bench, cores) => pair(bench, cores, weirTwin), haproxy: (b, c) => pair(b, c, haproxyTwin) },
  },
]

const loads = [
  { name: 'kept connections', fresh: false },
  { name: 'new connections', fresh: true },
] as const

const folderOf = ({ folder }: Bench): string => mkdtempSync(join(folder, 'operation-'))
const serversOf = ({ backend }: Bench): string[] => Object.values(backend.ports).map((port) => `127.0.0.1:${port}`)
const say = (socket: string, path: string): Promise<unknown> =>
  askAt(socket, { method: 'POST', path, body: {}, patience: 60_000 }).then(({ status, value }) => {
    if (status >= 300) throw new Error(`${path}: ${JSON.stringify(value)}`)
    return value
  })

async function weirUpgraded(bench: Bench, cores: string): Promise<Subject> {
  const [folder, port] = [folderOf(bench), await freePort()]
  const socket = join(folder, 'weir.sock')
  const launch = weirLaunch(folder, port, serversOf(bench), { global: { control_socket: socket } })
  const first = await start(launch.argv, { cores, output: join(folder, 'output.log') })
  await untilAnswering({ port, tls: false, path: '/small' }, first)
  let pid = first.pid
  return {
    port,
    async once() {
      const old = pid
      pid = ((await say(socket, '/v1/upgrade')) as { readonly pid: number }).pid
      await gone(old)
    },
    pids: () => [pid],
    async stop() {
      if (pid === first.pid) return first.stop()
      process.kill(pid, 'SIGTERM')
      await gone(pid)
    },
  }
}

async function weirRecycled(bench: Bench): Promise<Subject> {
  const [folder, port] = [folderOf(bench), await freePort()]
  const socket = join(folder, 'weir.sock')
  const launch = weirLaunch(folder, port, serversOf(bench), { global: { control_socket: socket, workers: 2 } })
  const running = await start(launch.argv, { cores: placement(2).proxy, output: join(folder, 'output.log') })
  await untilAnswering({ port, tls: false, path: '/small' }, running)
  return {
    port,
    once: async () => void (await say(socket, '/v1/workers/recycle')),
    pids: () => [running.pid],
    stop: () => running.stop(),
  }
}

async function haproxyReplaced(bench: Bench, cores: string): Promise<Subject> {
  const [folder, port] = [folderOf(bench), await freePort()]
  const output = join(folder, 'output.log')
  const { argv } = haproxyLaunch(folder, port, serversOf(bench), { defaults: '  option idle-close-on-response' })
  const running = await start([argv[0]!, '-W', ...argv.slice(1)], { cores, output })
  await untilAnswering({ port, tls: false, path: '/small' }, running)
  const workers = (): number => readFileSync(output, 'utf8').match(/New worker .*forked/g)?.length ?? 0
  return {
    port,
    async once() {
      const before = workers()
      process.kill(running.pid, 'SIGUSR2')
      for (let tries = 0; workers() === before && tries < 400; tries++) await sleep(25)
      await sleep(200)
    },
    pids: () => [running.pid],
    stop: () => running.stop(),
  }
}

/** One of the two that are restarted in turn. `signal` asks it to stop in order. */
interface Twin {
  readonly argv: readonly string[]
  readonly signal: NodeJS.Signals
}
type MakeTwin = (folder: string, port: number, servers: readonly string[]) => Twin

/** How long the tier in front takes to see what has become of one: its interval times the number of checks, and some more. */
const SEEN = 1000

const weirTwin: MakeTwin = (folder, port, servers) => {
  const global = { lame_duck: '1500ms', shutdown_timeout: '5s' }
  const frontend = { proxy_protocol: { mode: 'required', from: '127.0.0.1' }, health: '/healthz' }
  return { argv: weirLaunch(folder, port, servers, { global, frontend }).argv, signal: 'SIGTERM' }
}

/** As its manual has it: readiness fails while the file of its monitor says so, and then it is stopped softly. */
const haproxyTwin: MakeTwin = (folder, port, servers) => {
  const parts = {
    global: '  hard-stop-after 5s\n  grace 1500ms',
    defaults: '  option idle-close-on-response',
    frontend: `  bind 127.0.0.1:${port + 1} accept-proxy\n  monitor-uri /healthz\n  monitor fail if { stopping }`,
  }
  return { argv: haproxyLaunch(folder, port, servers, parts).argv, signal: 'SIGUSR1' }
}

async function pair(bench: Bench, cores: string, make: MakeTwin): Promise<Subject> {
  const folder = folderOf(bench)
  const isWeir = make === weirTwin
  const ports = [await freePort(), await freePort()]
  const twins = ports.map((port, i) => make(mkdtempSync(join(folder, `twin${i}-`)), port, serversOf(bench)))
  const launch = (i: number): Promise<Running> => start(twins[i]!.argv, { cores, output: join(folder, `twin${i}.log`) })
  const running = [await launch(0), await launch(1)]
  const front = await freePort()
  const addresses = ports.map((port) => `127.0.0.1:${isWeir ? port : port + 1}`)
  const tier = haproxyLaunch(folder, front, addresses, {
    defaults: '  option httpchk GET /healthz\n  retries 0',
    server: 'check inter 100ms fall 2 rise 2 send-proxy-v2 check-send-proxy',
  })
  const inFront = await start(tier.argv, { cores: placement(1).load, output: join(folder, 'tier.log') })
  await sleep(SEEN)
  await untilAnswering({ port: front, tls: false, path: '/small' }, inFront)
  return {
    port: front,
    async once() {
      for (const i of [0, 1]) {
        process.kill(running[i]!.pid, twins[i]!.signal)
        await gone(running[i]!.pid)
        running[i] = await launch(i)
        await listening(ports[i]!)
        await sleep(SEEN)
      }
    },
    pids: () => running.map(({ pid }) => pid),
    async stop() {
      for (const each of [inFront, ...running]) await each.stop()
    },
  }
}

/** Until somebody accepts on a port. @throws after 30 s */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++, await sleep(50)) {
    const socket = net.connect(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
  }
  throw new Error(`nobody listens on port ${port}`)
}

/** Until a process is no more. @throws after 30 s */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    try {
      process.kill(pid, 0)
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return
    } catch {
      return
    }
    await sleep(25)
  }
  throw new Error(`process ${pid} does not end`)
}

interface Options {
  readonly seconds: number
  readonly times: number
  readonly clients: number
}

async function measure(bench: Bench, make: Operation['contestants'][string], fresh: boolean, options: Options) {
  const { proxy, load } = placement(1)
  const subject = await make(bench, proxy)
  const { seconds, times, clients } = options
  try {
    const target = { port: subject.port, tls: false, fresh, clients }
    await runLoad({ ...target, seconds: 2 }, load)
    let [carriedOut, processes, memory] = [0, 0, 0]
    const end = performance.now() + seconds * 1000 - 500
    const operating = (async () => {
      for (let n = 0; n < times && performance.now() < end; n++) {
        const begun = performance.now()
        await subject.once()
        carriedOut++
        await sleep(Math.max(0, (seconds * 1000 - 2000) / times - (performance.now() - begun)))
      }
    })()
    const looking = setInterval(() => {
      const tree = subject.pids().flatMap((pid) => descendants(pid))
      processes = Math.max(processes, tree.length)
      memory = Math.max(
        memory,
        subject.pids().reduce((sum, pid) => sum + residentKiB(pid), 0),
      )
    }, 250)
    const sample = await runLoad({ ...target, seconds }, load)
    await operating
    clearInterval(looking)
    return { ...sample, processes, memory, asked: carriedOut, carriedOut } satisfies Measured
  } finally {
    await subject.stop()
  }
}

function readOptions(): Options & { readonly operations: readonly Operation[]; readonly write: boolean } {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      only: text,
      seconds: { ...text, default: '30' },
      times: { ...text, default: '10' },
      clients: { ...text, default: '32' },
      write: { type: 'boolean', default: false },
    },
  })
  const [seconds, times, clients] = [values.seconds, values.times, values.clients].map(Number)
  if (!(seconds! >= 4 && seconds! <= 600 && times! >= 1 && clients! >= 1)) throw new Error('--seconds: 4 to 600')
  return {
    seconds: seconds!,
    times: times!,
    clients: clients!,
    operations: chosen(operations, values.only, ';'),
    write: values.write,
  }
}

async function main(): Promise<boolean> {
  const options = readOptions()
  const loadBefore = os.loadavg()[0]!
  const sections: string[] = []
  let lost = 0
  await withBench(options.seconds, async (bench) => {
    for (const { name, contestants } of options.operations) {
      for (const load of loads) {
        const found = new Map<string, Measured[]>()
        for (const [contestant, make] of Object.entries(contestants)) {
          const measured = await measure(bench, make, load.fresh, options)
          found.set(contestant, [measured])
          if (contestant.startsWith('weir')) lost += failedIn(measured)
        }
        sections.push(`### ${name}, ${load.name}\n\n${loadTable(found, 'times')}`)
        console.log(`${sections.at(-1)}\n`)
      }
    }
  })
  console.log(`requests that Weir lost: ${lost}`)
  if (options.write) write(options, sections, loadBefore, lost)
  return lost === 0
}

function write({ seconds, clients }: Options, sections: readonly string[], loadBefore: number, lost: number): void {
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Command: \`npm run bench:operations -- ${process.argv.slice(2).join(' ')}\``,
    ...machineFacts().slice(0, 3),
    weir(1).version()!,
    haproxy.version()!,
    `Load average before the run: ${loadBefore.toFixed(2)}`,
  ]
  const page = `# Results of the bench of operations

Written by \`npm run bench:operations -- --write\`; do not edit. Goal: 0 failed requests of Weir; measured: ${lost}.

${facts.map((fact) => `- ${fact}`).join('\n')}

Each table is ${seconds} s of ${clients} clients that ask again as soon as they are answered, while the operation is done over and over.
For an upgrade, Weir starts its program anew and hands the listening sockets over; recycling replaces its two workers one by one.
HAProxy's master starts a new worker for either (\`option idle-close-on-response\`). For the rolling restart, two of a kind stand behind a
third HAProxy that checks them and speaks the PROXY protocol; one after the other is stopped (Weir: SIGTERM with \`lame_duck\`; HAProxy:
SIGUSR1 with \`grace\` and a \`monitor fail\`) and started again. What counts as failed is told in [RESULTS-RELOAD.md](RESULTS-RELOAD.md).

${sections.join('\n\n')}
`
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-OPERATIONS.md'), page)
  console.log('written: bench/RESULTS-OPERATIONS.md')
}

let reached = false
try {
  reached = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
}
process.exit(reached ? 0 : 1)
