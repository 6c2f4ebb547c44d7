// What the tests of reload are played on: a whole Weir with two workers whose file is written anew while it runs, servers
// that say who they are, and the ways to tell Weir to read its file. What clients do meanwhile is reload-load.ts.
import { renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { BackendStatus, ServerStatus, Status } from '../../src/control/admin/status.ts'
import type { ReloadOutcome } from '../../src/control/reload/types.ts'
import { pause } from '../support/peers.ts'
import { startWeir, type WeirProcess } from '../support/programs.ts'

/** A configuration as the file has it; tests change it in place and write it again. */
export interface FileConfig {
  global?: Record<string, unknown>
  frontends: Record<string, Record<string, unknown>>
  backends: Record<string, Record<string, unknown> & { servers: Record<string, unknown> }>
}

/** Nothing is shed: a machine that is busy with other tests must not look like a reload that loses requests. */
const global = {
  workers: 2,
  admin: '127.0.0.1:0',
  control_socket: 'CONTROL',
  shutdown_timeout: '2s',
  overload: { loop_delay: '0s', memory: '0%' },
}

export class ReloadStage {
  readonly weir: WeirProcess
  readonly #file: string
  readonly #admin: number

  private constructor(weir: WeirProcess) {
    this.weir = weir
    this.#file = join(dirname(weir.control), 'weir.yaml')
    this.#admin = Number(/"port":(\d+),"message":"admin on/.exec(weir.log())?.[1] ?? 0)
    if (this.#admin === 0) throw new Error(`no admin bind in the log: ${weir.log()}`)
  }

  static async start(config: FileConfig): Promise<ReloadStage> {
    return new ReloadStage(await startWeir(textOf(config)))
  }

  /** Puts another file in its place, in one piece; Weir is not told. @param config the tree, or the text as it stands */
  write(config: FileConfig | string): void {
    const text = typeof config === 'string' ? config : textOf(config)
    writeFileSync(`${this.#file}.new`, text.replace('CONTROL', this.weir.control))
    renameSync(`${this.#file}.new`, this.#file)
  }

  /** Has the file read by SIGHUP. @returns whether it was taken */
  async hangUp(): Promise<boolean> {
    const before = await this.reloads()
    this.weir.signal('SIGHUP')
    const end = performance.now() + 30_000
    for (;;) {
      const now = await this.reloads()
      if (now.failed > before.failed) return false
      if (now.succeeded > before.succeeded) return true
      if (performance.now() > end) throw new Error(`SIGHUP was not followed by a reload: ${this.lastLines()}`)
      await pause(10)
    }
  }

  /** Has the file read by a request on the control socket. */
  async post(): Promise<ReloadOutcome> {
    const { text } = await this.#ask('POST', '/v1/reload')
    return JSON.parse(text) as ReloadOutcome
  }

  /** Writes the file and has it read by the one way or the other. @throws when it is not taken */
  async reload(config: FileConfig, way: 'signal' | 'socket' = 'socket'): Promise<void> {
    this.write(config)
    const taken = way === 'signal' ? await this.hangUp() : (await this.post()).ok
    if (!taken) throw new Error(`a good file was not taken: ${this.lastLines()}`)
  }

  /** How many were tried so far, by what became of them. */
  async reloads(): Promise<{ succeeded: number; failed: number }> {
    const of = (result: RegExp, lines: readonly string[]): number =>
      lines.filter((line) => result.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    const lines = (await this.metrics()).split('\n').filter((line) => line.startsWith('weir_config_reloads_total'))
    return { succeeded: of(/result="(succe|ok)/, lines), failed: of(/result="fail/, lines) }
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#admin}/metrics`)).text()
  }

  /** Sum over the samples of a metric whose labels contain all these. NaN: there is none. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const values = (await this.metrics())
      .split('\n')
      .filter((line) => line.startsWith(name) && /[{ ]/.test(line.charAt(name.length)))
      .filter((line) => labels.every((label) => line.includes(label)))
      .map((line) => Number(line.split(' ').at(-1)))
    return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0)
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.#ask('GET', '/v1/status')).text) as Status
  }

  async backend(name: string): Promise<BackendStatus> {
    return (await this.status()).backends.find((each) => each.name === name)!
  }

  async server(backend: string, name: string): Promise<ServerStatus> {
    return (await this.backend(backend)).servers.find((each) => each.name === name)!
  }

  /** Until every server is judged to be in the state. */
  async settled(backend: string, ...states: readonly string[]): Promise<void> {
    let last: readonly string[] = []
    for (let tries = 0; tries < 800; tries++) {
      last = (await this.backend(backend)).servers.map(({ state }) => state)
      if (last.every((state) => states.includes(state))) return
      await pause(10)
    }
    throw new Error(`${backend}: the servers are ${last.join(', ')}`)
  }

  /** Port of a bind, by the address that the file gives with port 0. NaN: there is no such bind. */
  async portOf(frontend: string, host: string): Promise<number> {
    const found = (await this.status()).frontends.find(({ name }) => name === frontend)
    const bind = found?.binds.find(({ address }) => address.startsWith(`${host}:`))
    return Number(bind?.address.split(':').at(-1) ?? Number.NaN)
  }

  lastLines(): string {
    return this.weir.log().slice(-3000)
  }

  #ask(method: string, path: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.weir.control, method, path, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += String(chunk)))
        response.on('end', () => resolve({ status: response.statusCode!, text }))
      })
      request.on('error', reject)
      request.end()
    })
  }
}

/** JSON is YAML. */
const textOf = (config: FileConfig): string =>
  JSON.stringify({ ...config, global: { ...global, ...config.global } }, null, 2)

export interface Named {
  readonly name: string
  readonly port: number
  /** 'HOST:PORT', as the file has it. */
  readonly address: string
  /** Answers to /health, and to anything else. */
  health: number
  status: number
  /** How long it takes to answer anything but /health, in ms. */
  delay: number
  /** Answers to anything but /health wait for this one. */
  holds: Promise<unknown> | null
  /** Requests that it has had, checks left out, and the most of them at one time. */
  requests: number
  mostAtOnce: number
}

/** An http server that answers with its name, and echoes what comes over a WebSocket. */
export async function httpServer(name: string): Promise<Named> {
  let atOnce = 0
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (request.url === '/health') return void response.writeHead(named.health).end()
    named.requests++
    named.mostAtOnce = Math.max(named.mostAtOnce, ++atOnce)
    response.on('close', () => atOnce--)
    const answer = (): void => void response.writeHead(named.status, { 'Content-Length': name.length }).end(name)
    if (named.holds !== null) void named.holds.then(answer)
    else if (named.delay === 0) answer()
    else setTimeout(answer, named.delay)
  })
  const upgraded = new Set<Socket>()
  server.on('upgrade', (_, socket: Socket) => {
    upgraded.add(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const address = `127.0.0.1:${port}`
  const named: Named = {
    name,
    port,
    address,
    health: 200,
    status: 200,
    delay: 0,
    holds: null,
    requests: 0,
    mostAtOnce: 0,
  }
  return named
}

/** A server that sends back what it gets. @returns its address as the file has it */
export async function echoServer(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Servers as the file has them, by their names. */
export const listed = (...servers: readonly Named[]): Record<string, unknown> =>
  Object.fromEntries(servers.map(({ name, address }) => [name, { address }]))

/** One request on a connection of its own. @param from address that it comes from */
export function ask(port: number, path = '/', from = '127.0.0.1'): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path, localAddress: from, agent: false }
    const request = http.get(options, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    request.on('error', reject)
  })
}

/** Answers by name of the server; a status where it was not 200. */
export async function spread(port: number, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let sent = 0; sent < requests; sent++) {
    const { status, text } = await ask(port)
    const key = status === 200 ? text : String(status)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
