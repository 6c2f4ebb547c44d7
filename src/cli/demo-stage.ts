// What the demo is played with: three servers and a Weir, each a process of its own, on ports that are free, with a
// certificate made on the spot. Whatever is started here is ended here, by its own process, and the folder goes too.
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../control/admin/status.ts'
import { makeAuthority, makeCertificate } from './demo-certificate.ts'
import { fetchStatus } from './status.ts'

export const serverNames = ['one', 'two', 'three'] as const
export type ServerName = (typeof serverNames)[number]

export interface Ports {
  readonly https: number
  readonly tcp: number
  readonly admin: number
  readonly servers: Readonly<Record<ServerName, number>>
}

const root = join(import.meta.dirname, '..', '..')

export class Stage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-demo-'))
  readonly caFile = join(this.folder, 'ca.pem')
  readonly logFile = join(this.folder, 'weir.log')
  readonly socket = join(this.folder, 'weir.sock')
  /** PEM of the authority that signed Weir's certificate. */
  ca = ''
  readonly ports: Ports
  readonly #servers = new Map<ServerName, ChildProcess>()
  #weir: ChildProcess | null = null
  readonly #lastResort = (): void => this.#killAll()

  /** @param ports free ones, see freePorts */
  constructor([https, tcp, admin, one, two, three]: readonly number[]) {
    this.ports = { https: https!, tcp: tcp!, admin: admin!, servers: { one: one!, two: two!, three: three! } }
    process.once('exit', this.#lastResort)
  }

  /** @returns the process id */
  async startServer(name: ServerName): Promise<number> {
    for (let tries = 1; ; tries++) {
      const child = fork(new URL('./demo-server.ts', import.meta.url), [name, String(this.ports.servers[name])])
      this.#servers.set(name, child)
      const [word] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
      if (word === 'listening') return child.pid!
      if (tries === 10) throw new Error(`server ${name} does not start: ${String(word)}`)
      await sleep(100)
    }
  }

  /** Ends a server as a crash would. @returns its process id */
  killServer(name: ServerName): number {
    const child = this.#servers.get(name)!
    child.kill('SIGKILL')
    return child.pid!
  }

  /** Runs `bin/weir run -f config/demo.yaml`. Resolves when it is ready and has found all servers up. */
  async startWeir(signal: AbortSignal): Promise<void> {
    const authority = await makeAuthority({ names: ['Weir demo authority'] })
    const { cert, key } = await makeCertificate({ names: ['localhost', '127.0.0.1'], ca: authority })
    this.ca = authority.cert
    writeFileSync(this.caFile, authority.cert)
    const certificate = join(this.folder, 'localhost.pem')
    writeFileSync(certificate, cert + key, { mode: 0o600 })
    const { https, tcp, admin, servers } = this.ports
    const log = openSync(this.logFile, 'w')
    this.#weir = spawn(join(root, 'bin', 'weir'), ['run', '-f', join(root, 'config', 'demo.yaml')], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        DEMO_CERT: certificate,
        DEMO_HTTPS_PORT: String(https),
        DEMO_TCP_PORT: String(tcp),
        DEMO_ADMIN_PORT: String(admin),
        DEMO_CONTROL_SOCKET: this.socket,
        DEMO_SERVER_1: String(servers.one),
        DEMO_SERVER_2: String(servers.two),
        DEMO_SERVER_3: String(servers.three),
      },
    })
    closeSync(log)
    this.#weir.on('error', () => {}) // shows as a Weir that has ended
    await this.#untilReady(signal)
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    for (const deadline = Date.now() + 60_000; ; await sleep(30, undefined, { signal })) {
      this.assertRunning()
      const status = await fetchStatus(this.socket).catch(() => null)
      const servers = status?.backends.flatMap((backend) => backend.servers) ?? []
      if (status?.ready === true && servers.every(({ state }) => state === 'up')) return
      if (Date.now() > deadline) throw new Error(`Weir is not ready after 60 s:\n${this.#lastLines()}`)
    }
  }

  get weirPid(): number {
    return this.#weir!.pid!
  }

  /** @throws Error with the end of its log when Weir is not running */
  assertRunning(): void {
    if (isRunning(this.#weir!)) return
    const { exitCode, signalCode } = this.#weir!
    throw new Error(`Weir has ended (${exitCode ?? signalCode ?? 'bin/weir cannot be run'}):\n${this.#lastLines()}`)
  }

  #lastLines(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-20).join('\n')
  }

  status(): Promise<Status> {
    return fetchStatus(this.socket)
  }

  /** Sum of one counter of a backend, or of all its servers, as /metrics has it. */
  async counter(name: string, backend: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.ports.admin}/metrics`)
    const start = `${name}{backend="${backend}"`
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith(start))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  /** Weir stops in order, within the time that config/demo.yaml gives it; the servers have nothing to finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#running().map((child) => once(child, 'exit'))
    const weir = this.#weir
    if (weir !== null && isRunning(weir)) {
      const stopped = once(weir, 'exit')
      weir.kill('SIGTERM')
      await Promise.race([stopped, sleep(7000, undefined, { ref: false })])
    }
    this.#killAll()
    await Promise.all(ended)
    process.removeListener('exit', this.#lastResort)
    rmSync(this.folder, { recursive: true, force: true })
  }

  #running(): ChildProcess[] {
    return [...this.#servers.values(), this.#weir].filter(
      (child) => child !== null && isRunning(child),
    ) as ChildProcess[]
  }

  #killAll(): void {
    for (const child of this.#running()) child.kill('SIGKILL')
  }
}

const isRunning = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

/**
 * Ports of 127.0.0.1 that nobody has. They lie below the ones that systems give to outgoing connections, since a server
 * that was killed has to find its port still free when it comes back.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held = []
  while (held.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (free) held.push({ port, server })
  }
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  return held.map(({ port }) => port)
}
