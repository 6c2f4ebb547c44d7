// `npm run demo`: a Weir of its own process in front of three servers, under real traffic, while one of them is killed and
// comes back. Prints what happens as it happens, then a summary. A request that failed makes it end with 1.
// It plays and judges; the processes are demo-stage.ts, the traffic demo-load.ts, what it looks like demo-view.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { HealthState } from '../model/states.ts'
import { Load } from './demo-load.ts'
import { freePorts, serverNames, Stage, type ServerName } from './demo-stage.ts'
import { Screen, summaryLines, type Picture } from './demo-view.ts'
import { readArguments, UsageError, withUsage } from './usage.ts'

const usage = `Usage: npm run demo [-- OPTIONS]

Starts three servers and Weir in front of them, sends HTTPS and TCP traffic through it, kills a server, brings it back.

      --seconds N   how long the traffic lasts, 4 to 600 (default 15)
      --stay        leave everything running afterwards, until Ctrl-C
  -h, --help        this text

Exit codes: 0 no request failed, 1 one did, 2 wrong usage, 130 ended by Ctrl-C before the summary.
`

const options = {
  seconds: { type: 'string', default: '15' },
  stay: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const

/** @param argv without node and the script @returns the exit code */
export function demo(argv: string[]): Promise<number> {
  return withUsage('demo', usage, async () => {
    const { values } = readArguments({ args: argv, options })
    if (values.help) {
      process.stdout.write(usage)
      return 0
    }
    const seconds = Number(values.seconds)
    if (!(seconds >= 4 && seconds <= 600)) throw new UsageError('--seconds is a number from 4 to 600')
    const interrupted = new AbortController()
    const interrupt = (): void => interrupted.abort()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
    try {
      await using stage = new Stage(await freePorts(6))
      return await new Play(stage, seconds, interrupted.signal).run(values.stay)
    } catch (error) {
      if (interrupted.signal.aborted) return 130
      process.stderr.write(`demo: ${(error as Error).message}\n`)
      return 1
    }
  })
}

/** The server that is killed, and the shares of the time after which it is, and after which it is started again. */
const victim: ServerName = 'two'
const killAt = 0.3
const backAt = 0.6
/** Milliseconds for the health checks to notice; config/demo.yaml makes them take less than one second. */
const patience = 30_000

/** Requests until now, and when that is. */
interface Counts {
  readonly at: number
  readonly https: number
  readonly tcp: number
  readonly servers: ReadonlyMap<string, number>
}

class Play {
  readonly #stage: Stage
  readonly #seconds: number
  readonly #signal: AbortSignal
  readonly #screen = new Screen(process.stdout, process.env)
  #load: Load = null!
  #startedAt = 0
  #killed = false
  #states = new Map<string, { readonly state: HealthState; readonly since: number; readonly words: string | null }>()
  #problems: string[] = []

  constructor(stage: Stage, seconds: number, signal: AbortSignal) {
    this.#stage = stage
    this.#seconds = seconds
    this.#signal = signal
  }

  /** @returns the exit code @throws when interrupted, or when something could not be started */
  async run(stay: boolean): Promise<number> {
    const { ports } = this.#stage
    this.#screen.say('Starting three servers and Weir in front of them ...')
    for (const name of serverNames) {
      const pid = await this.#stage.startServer(name)
      this.#screen.say(`  server ${name.padEnd(6)} http://127.0.0.1:${ports.servers[name]}   process ${pid}`)
    }
    await this.#stage.startWeir(this.#signal)
    this.#screen.say(
      `  weir          https://127.0.0.1:${ports.https} and tcp 127.0.0.1:${ports.tcp}   process ${this.#stage.weirPid}, config/demo.yaml`,
    )
    this.#screen.say('')
    await this.#traffic()
    if (stay) await this.#stay()
    return this.#problems.length === 0 ? 0 : 1
  }

  async #traffic(): Promise<void> {
    const load = (this.#load = new Load({ ...this.#stage.ports, ca: this.#stage.ca }))
    const done = new AbortController()
    this.#startedAt = performance.now()
    const watching = Promise.all([this.#watchStates(done.signal), this.#draw(done.signal)])
    try {
      load.start()
      await this.#crash()
    } finally {
      done.abort()
      await load.stop()
      await watching
    }
    const seconds = (performance.now() - this.#startedAt) / 1000
    const figures = {
      requestsAgain: await this.#stage.counter('weir_server_retries_total', 'app'),
      connectionsMoved: await this.#stage.counter('weir_backend_redispatches_total', 'app-raw'),
    }
    if (load.failed > 0) this.#problems.push(`${load.failed} requests failed`)
    this.#screen.say(...summaryLines(load, seconds, figures, this.#screen.paint))
    for (const problem of this.#problems) this.#screen.say(this.#screen.paint(`FAILED: ${problem}`, 'red'))
  }

  /** The middle of the play: the death of a server, and its return. */
  async #crash(): Promise<void> {
    await this.#until(killAt)
    this.#load.cutsExpected = true
    const killedAt = Date.now()
    const pid = this.#stage.killServer(victim)
    this.#killed = true
    this.#screen.tell(`server ${victim} is killed now (SIGKILL to process ${pid}); the traffic goes on`, 'red')
    const down = await this.#reach('down')
    this.#load.cutsExpected = false
    if (down !== null)
      this.#screen.tell(`health checks mark ${victim} down after ${down.since - killedAt} ms: ${down.words}`, 'yellow')

    await this.#until(backAt)
    const before = this.#answers(victim)
    const startedAt = Date.now()
    const newPid = await this.#stage.startServer(victim)
    this.#killed = false
    this.#screen.tell(`server ${victim} is started again (process ${newPid})`, 'cyan')
    const up = await this.#reach('up')
    if (up !== null) this.#screen.tell(`${victim} is back up after ${up.since - startedAt} ms: ${up.words}`, 'green')
    await Promise.all([this.#until(1), this.#pause(1000)]) // a machine that was slow up to here runs over time
    if (up !== null && this.#answers(victim) === before)
      this.#problems.push(`${victim} got no traffic when it was back`)
  }

  #answers(name: string): number {
    return this.#load.perServer.get(name) ?? 0
  }

  /** Waits for a share of the time. */
  async #until(share: number): Promise<void> {
    await this.#pause(this.#startedAt + share * this.#seconds * 1000 - performance.now())
  }

  async #pause(span: number): Promise<void> {
    const end = performance.now() + span
    for (let left = span; left > 0; left = end - performance.now()) {
      this.#stage.assertRunning()
      await sleep(Math.min(left, 250), undefined, { signal: this.#signal })
    }
  }

  /** Waits until the victim is in a state. @returns null: it did not come to it */
  async #reach(state: HealthState) {
    for (const end = performance.now() + patience; performance.now() < end; await this.#pause(20)) {
      const now = this.#states.get(victim)
      if (now?.state === state) return now
    }
    this.#problems.push(`health checks did not find ${victim} ${state} within ${patience / 1000} s`)
    return null
  }

  /** Keeps up with what Weir's health checks have found, over its control socket. */
  async #watchStates(done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      const status = await this.#stage.status().catch(() => null)
      const servers = status?.backends.find(({ name }) => name === 'app')?.servers ?? []
      for (const { name, state, since, lastResult } of servers) {
        this.#states.set(name, { state, since: Date.parse(since), words: lastResult })
      }
      await sleep(50, undefined, { signal: done }).catch(() => {})
    }
  }

  async #draw(done: AbortSignal): Promise<void> {
    const step = this.#screen.live ? 250 : 1000
    let before = this.#counts()
    for (let tick = 1; ; tick++) {
      const wait = this.#startedAt + tick * step - performance.now()
      await sleep(Math.max(0, wait), undefined, { signal: done }).catch(() => {})
      if (done.aborted) return
      const now = this.#counts()
      this.#screen.show(this.#picture(before, now))
      before = now
    }
  }

  #counts(): Counts {
    const { kept, fresh, tcp } = this.#load.tallies
    return {
      at: performance.now(),
      https: kept.requests + fresh.requests,
      tcp: tcp.requests,
      servers: new Map(this.#load.perServer),
    }
  }

  #picture(before: Counts, now: Counts): Picture {
    const span = (now.at - before.at) / 1000
    const answers = serverNames.map((name) => (now.servers.get(name) ?? 0) - (before.servers.get(name) ?? 0))
    const all = Math.max(
      1,
      answers.reduce((sum, n) => sum + n, 0),
    )
    return {
      at: (now.at - this.#startedAt) / 1000,
      of: Math.max(this.#seconds, Math.ceil((now.at - this.#startedAt) / 1000)),
      https: (now.https - before.https) / span,
      tcp: (now.tcp - before.tcp) / span,
      failed: this.#load.failed,
      servers: serverNames.map((name, i) => {
        const state = this.#states.get(name)?.state ?? 'checking'
        const killed = name === victim && this.#killed && state === 'up'
        return { name, state: killed ? 'killed' : state, share: answers[i]! / all, rate: answers[i]! / span }
      }),
    }
  }

  async #stay(): Promise<void> {
    const { ports, caFile, socket, logFile } = this.#stage
    this.#screen.say(
      'Everything stays up until Ctrl-C. To try:',
      '',
      `  curl --cacert ${caFile} https://localhost:${ports.https}/`,
      `  curl http://127.0.0.1:${ports.tcp}/                 # tcp mode: the bytes go to a server as they are`,
      `  curl http://127.0.0.1:${ports.admin}/metrics`,
      `  bin/weir status --socket ${socket}`,
      `  tail -f ${logFile}`,
      '',
      `In a browser: https://localhost:${ports.https}/ (it warns, for it does not know the authority in ${caFile}).`,
      '',
    )
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {}, 60_000)
      this.#signal.addEventListener('abort', () => {
        clearInterval(timer)
        resolve()
      })
    })
  }
}

if (import.meta.main) process.exit(await demo(process.argv.slice(2)))
