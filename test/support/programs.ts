// Programs that tests run: other people's, where they are installed (scripts/test-peers.sh), and Weir itself as a whole
// process. Each is ended, by its own id, when the test that started it has ended.
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from './peers.ts'

/** Where a program is, or null; /usr/sbin too, which is not on every user's path. */
export function program(name: string): string | null {
  for (const folder of `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return null
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, or for `span` milliseconds. @param input what it reads; its input is closed behind it */
export function run(path: string, args: readonly string[], input = '', span = 60_000): Promise<Ran> {
  const child = spawn(path, args, { stdio: 'pipe' })
  return gather(child, input, span)
}

function gather(child: ChildProcess, input: string, span: number): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.latin1Slice()))
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.latin1Slice()))
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  const timer = setTimeout(() => child.kill('SIGKILL'), span)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
}

/** A folder of the test's own. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Writes files into a new folder. @returns their paths by name */
export function files<Name extends string>(contents: Readonly<Record<Name, string>>): Record<Name, string> {
  const where = folder()
  return Object.fromEntries(
    Object.entries<string>(contents).map(([name, text]) => {
      const path = join(where, name)
      writeFileSync(path, text)
      return [name, path]
    }),
  ) as Record<Name, string>
}

const weir = fileURLToPath(new URL('../../bin/weir', import.meta.url))

export interface WeirProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** Path of the control socket. */
  readonly control: string
  /** What it has logged, as JSON lines. */
  log(): string
  /** Port of the first bind of a frontend. */
  port(frontend: string): number
  /** Resolves when the process is gone: its exit code, or null when a signal ended it. */
  readonly exit: Promise<number | null>
  signal(name: NodeJS.Signals): void
  status(): Promise<Status>
  kill(worker: number): Promise<void>
  /** Resident memory, in bytes. */
  memory(): number
}

/** The parts of `GET /v1/status` that the tests look at. */
export interface Status {
  readonly connections: number
  readonly workers: readonly { readonly worker: number; readonly state: string; readonly restarts: number }[]
  readonly backends: readonly {
    readonly inflight: number
    readonly servers: readonly { readonly inflight: number; readonly connections: number }[]
  }[]
}

/** Starts `weir run` without waiting. @param files limit of open files, for `ulimit -n` @param path of the program */
export function spawnWeir(yaml: string, files?: number, path = weir): WeirProcess {
  const where = folder()
  const control = join(where, 'control.sock')
  const config = join(where, 'weir.yaml')
  writeFileSync(config, yaml.replace('CONTROL', control))
  const command = files === undefined ? 'exec "$0" run "$1"' : `ulimit -n ${files} && exec "$0" run "$1"`
  const child = spawn('/bin/sh', ['-c', command, path, config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.latin1Slice()))
  child.stdout.resume()
  const exit = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return {
    child,
    pid: child.pid!,
    control,
    exit,
    log: () => log,
    port(frontend) {
      for (const line of log.split('\n').filter((text) => text.includes('"message":"listening on'))) {
        const entry = JSON.parse(line) as { frontend: string; port: number }
        if (entry.frontend === frontend) return entry.port
      }
      throw new Error(`no frontend ${frontend} is listening: ${log}`)
    },
    signal: (name) => void child.kill(name),
    status: async () => JSON.parse(await ask(control, 'GET', '/v1/status')) as Status,
    kill: async (worker) => void (await ask(control, 'POST', `/v1/workers/${worker}/kill`)),
    memory: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) * 1024,
  }
}

/** Starts `weir run` and waits until it takes connections. */
export async function startWeir(yaml: string, files?: number, path = weir): Promise<WeirProcess> {
  const started = spawnWeir(yaml, files, path)
  let gone = false
  void started.exit.then(() => (gone = true))
  await eventually('ready', () => gone || started.log().includes(' is ready'), 40_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${started.log()}`)
  })
  if (gone) throw new Error(`weir did not start: ${started.log()}`)
  return started
}

function ask(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve(text))
    })
    request.on('error', reject)
    request.end()
  })
}
