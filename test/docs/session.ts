// Plays the commands of one page in its order, in a folder of its own, as a reader would: bin/weir is there, and the page's
// first whole configuration as weir.yaml, its first scenario as scenario.yaml, and by their names its TypeScript and the YAML that
// has one. Ports are replaced by free ones. What is running is ended with the session.
import { execFile as execFileByCallback, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../src/cli/demo-stage.ts'
import { isScenario, isWhole, writeFiles, writeNamedYaml } from './examples.ts'
import { blocksIn, root, type Page } from './pages.ts'

const execFile = promisify(execFileByCallback)
const portsOfPages = ['8080', '8081', '8443', '9180', '3001', '3002']
const PATH = [dirname(process.execPath), process.env.PATH, '/usr/sbin'].join(delimiter)

export class Session implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-docs-'))
  readonly #ports = new Map<string, number>()
  readonly #servers: Server[] = []
  readonly #children: ChildProcess[] = []
  /** What the page has set by `export`. */
  readonly #environment: Record<string, string> = {}
  #weir: ChildProcess | null = null

  /** @throws when a port of a server that the page takes for granted cannot be had */
  static async of(page: Page): Promise<Session> {
    const session = new Session()
    const free = await freePorts(portsOfPages.length)
    for (const [i, port] of portsOfPages.entries()) session.#ports.set(port, free[i]!)
    mkdirSync(join(session.folder, 'bin'))
    for (const name of readdirSync(join(root, 'bin')))
      symlinkSync(join(root, 'bin', name), join(session.folder, 'bin', name))
    session.#writeConfig(page)
    if (!page.text.includes('node -e'))
      for (const port of ['3001', '3002']) await session.#serve(session.#ports.get(port)!)
    return session
  }

  /** The configuration of the page; where its admin and its socket are is for the session to say. */
  #writeConfig(page: Page): void {
    const blocks = blocksIn(page, 'yaml')
    const scenario = blocks.find(isScenario)
    if (scenario !== undefined) writeFileSync(join(this.folder, 'scenario.yaml'), scenario.text)
    writeFiles(page, this.folder)
    writeNamedYaml(page, this.folder)
    const block = blocks.find(isWhole)
    if (block === undefined) return
    const options = `  workers: 1\n  admin: '127.0.0.1:9180'\n  control_socket: ./weir.sock\n`
    const text = /^global:\n/m.test(block.text) ? block.text : `${block.text}global:\n`
    writeFileSync(join(this.folder, 'weir.yaml'), this.#placed(text.replace(/^global:\n/m, `global:\n${options}`)))
  }

  #placed(text: string): string {
    return text.replace(/\b\d{4}\b/g, (port) => String(this.#ports.get(port) ?? port))
  }

  /** `export NAME=value`, for the commands behind it. */
  export(command: string): void {
    const { 1: name, 2: value } = /^export (\w+)=(\S+)$/.exec(command)!
    this.#environment[name!] = value!
  }

  /** A command that comes to an end. @returns what it printed @throws when it fails */
  async run(command: string): Promise<string> {
    const path = `${join(this.folder, 'bin')}${delimiter}${PATH}` // as if it were installed
    const env = { ...process.env, ...this.#environment, PATH: path }
    const options = { cwd: this.folder, env, timeout: 60_000 }
    const { stdout } = await execFile('bash', ['-c', this.#placed(command)], options)
    return stdout
  }

  /** `bin/weir run ...`, in place of the one before. Resolves when it is ready. */
  async runWeir(command: string): Promise<void> {
    await this.#endWeir()
    const child = this.#spawn(command)
    this.#weir = child
    let err = ''
    for await (const chunk of child.stderr!.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      err += chunk
      if (err.includes('is ready')) break
    }
    child.stderr!.resume()
    if (!err.includes('is ready')) throw new Error(`${command} ended:\n${err}`)
  }

  /** A server that the page starts with `&`. Resolves when it takes connections. */
  async runServer(command: string): Promise<void> {
    this.#children.push(this.#spawn(command.replace(/ &$/, '')))
    const port = Number(/listen\((\d+)/.exec(this.#placed(command))![1])
    for (const end = Date.now() + 30_000; !(await accepts(port));) {
      if (Date.now() > end) throw new Error(`${command}: nothing listens on ${port}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #spawn(command: string): ChildProcess {
    return spawn('bash', ['-c', `exec ${this.#placed(command)}`], {
      cwd: this.folder,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  async #serve(port: number): Promise<void> {
    const server = createServer((_, response) => response.end('hello\n')).listen(port, '127.0.0.1')
    await once(server, 'listening')
    this.#servers.push(server)
  }

  async #endWeir(): Promise<void> {
    if (this.#weir !== null) await end(this.#weir, 'SIGTERM')
    this.#weir = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endWeir()
    for (const child of this.#children) await end(child, 'SIGKILL')
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
    rmSync(this.folder, { recursive: true })
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

export const hasProgram = (name: string): boolean =>
  spawnSync('bash', ['-c', `command -v ${name}`], { env: { ...process.env, PATH } }).status === 0
