// The largest configuration that is promised: 1,000 backends with 10,000 servers. It is taken in one piece while requests go
// on. How long that takes and how long clients wait are printed; no time makes the test fail, for machines differ.
import { expect, test } from 'vitest'
import { answering, startServer } from '../support/peers.ts'
import { Wire } from './reload-load.ts'
import { ReloadStage, type FileConfig } from './reload-stage.ts'

const BACKENDS = 1000
const SERVERS = 10
const CLIENTS = 4

function largeConfig(port: number): FileConfig {
  const names = Array.from({ length: BACKENDS }, (_, i) => `app${i}`)
  const addresses = Array.from({ length: SERVERS }, (_, i) => `127.0.0.${i + 1}:${port}`)
  const servers = (): Record<string, unknown> => Object.fromEntries(addresses.map((address, i) => [`s${i}`, address]))
  return {
    frontends: {
      web: {
        bind: '127.0.0.1:0',
        routes: names.map((name) => ({ host: `${name}.test`, backend: name })),
        backend: 'app0',
      },
    },
    backends: Object.fromEntries(
      names.map((name) => [name, { health_check: 'off', balance: 'leastconn', servers: servers() }]),
    ),
  }
}

/** Clients that ask without a pause, for the longest time between a request and its answer. */
class Stopwatch {
  longest = 0
  answered = 0
  readonly problems: string[] = []
  #going = true
  readonly #clients: Promise<void>[]

  constructor(port: number) {
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => this.#ask(port, `app${i}.test`))
  }

  async #ask(port: number, host: string): Promise<void> {
    const wire = (await Wire.open({ port })) as Wire
    while (this.#going) {
      const at = performance.now()
      wire.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      const answer = await wire.answer()
      this.longest = Math.max(this.longest, performance.now() - at)
      if (typeof answer === 'string' || answer.status !== 200)
        return void this.problems.push(typeof answer === 'string' ? answer : `status ${answer.status}`)
      this.answered++
    }
    wire.socket.destroy()
  }

  async stop(): Promise<void> {
    this.#going = false
    await Promise.all(this.#clients)
  }
}

/** Lets requests go on while something is done. @returns the longest wait of a client and the time it took, in ms */
async function timed(port: number, work: () => Promise<unknown>): Promise<{ longest: number; took: number }> {
  const watch = new Stopwatch(port)
  while (watch.answered < 500 && watch.problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  watch.longest = 0
  const start = performance.now()
  await work()
  const took = performance.now() - start
  const { longest } = watch
  await watch.stop()
  expect(watch.problems).toEqual([])
  return { longest, took }
}

test('1,000 backends with 10,000 servers are reloaded while requests go on', async () => {
  const server = await startServer(answering('fine'), { host: '0.0.0.0' })
  const config = largeConfig(server.port)
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  const quiet = await timed(port, () => new Promise((resolve) => setTimeout(resolve, 1000)))
  const told = (what: string, { took, longest }: { took: number; longest: number }): void =>
    console.log(`${what}: ${took.toFixed(0)} ms, longest wait of a client ${longest.toFixed(0)} ms`)
  told('no reload', quiet)

  const changes: readonly (readonly [string, () => void])[] = [
    ['nothing changed', () => {}],
    ['one weight', () => (config.backends['app7']!.servers['s3'] = { address: `127.0.0.4:${server.port}`, weight: 5 })],
    [
      'one backend more',
      () => (config.backends['more'] = { health_check: 'off', servers: { one: `127.0.0.1:${server.port}` } }),
    ],
    [
      'every backend',
      () => {
        for (const backend of Object.values(config.backends)) backend['balance'] = 'roundrobin'
      },
    ],
    [
      'half of the backends',
      () => {
        const kept = Object.entries(config.backends).slice(0, BACKENDS / 2)
        config.backends = Object.fromEntries(kept)
        config.frontends['web']!['routes'] = kept.map(([name]) => ({ host: `${name}.test`, backend: name }))
      },
    ],
  ]
  for (const [what, change] of changes) {
    change()
    stage.write(config)
    told(what, await timed(port, async () => expect(await stage.post()).toMatchObject({ ok: true })))
  }
  expect((await stage.status()).backends).toHaveLength(BACKENDS / 2)
}, 180_000)
