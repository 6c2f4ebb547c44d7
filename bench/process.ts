// Child processes of the bench: started pinned to cores, and every one of them ended by its own pid, also on Ctrl-C, on an
// error and at the end. Nothing is ever killed by name. Linux only (taskset, /proc).
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import net from 'node:net'
import type { ChildProcess } from 'node:child_process'
import { descendants } from './cpu.ts'

export interface StartOptions {
  /** CPU list as taskset takes it: '0' or '0,1'. */
  readonly cores: string
  /** Standard output and error go to this file; it is quoted when the process ends too early. */
  readonly output: string
  readonly env?: Record<string, string>
}

export interface Running {
  readonly pid: number
  /** Throws when the process has ended already, with the end of its output. */
  check(): void
  /** Asks it to end, then insists. Returns when it is gone; may be called twice. */
  stop(): Promise<void>
}

/** How long a process may take to end by itself before it is killed, in ms. */
const patience = 3000

/** Where distributions keep haproxy and nginx, which not every user's path has. */
const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`

const live = new Set<ChildProcess>()

/** Environment for every child: the path above, and what the caller adds. */
export const childEnv = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: path,
  ...extra,
})

/** argv that runs a command on these cores only. taskset becomes the command, so the pid stays the same. */
export const pinned = (cores: string, argv: readonly string[]): string[] => ['taskset', '-c', cores, ...argv]

/** Starts a server that stays until it is stopped. @throws when the command cannot be started */
export async function start(argv: readonly string[], options: StartOptions): Promise<Running> {
  const log = openSync(options.output, 'a')
  const [command, ...args] = pinned(options.cores, argv)
  const child = spawn(command!, args, { stdio: ['ignore', log, log], env: childEnv(options.env) })
  closeSync(log)
  track(child)
  await once(child, 'spawn')
  let stopping: Promise<void> | undefined
  return {
    pid: child.pid!,
    check() {
      if (hasEnded(child)) throw new Error(`${argv[0]} ended early:\n${tail(options.output)}`)
    },
    stop: () => (stopping ??= stop(child)),
  }
}

/**
 * Runs a program that ends by itself, such as a load generator, and returns what it printed.
 * @param timeout in ms; past it the program is killed
 * @throws when it fails or takes longer
 */
export async function run(argv: readonly string[], timeout: number, env: Record<string, string> = {}): Promise<string> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: childEnv(env) })
  track(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  const output: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(timer)
  if (code !== 0) throw new Error(`${argv.join(' ')}: ended with ${code ?? signal}:\n${output.join('')}`)
  return output.join('')
}

/** Registers a child, so that it does not outlive the bench. */
export function track(child: ChildProcess): void {
  live.add(child)
  child.once('exit', () => live.delete(child))
  child.once('error', () => live.delete(child))
}

/** Makes sure that nothing which the bench has started stays behind, however the bench ends. */
export function endChildrenOnExit(): void {
  process.once('exit', () => {
    for (const child of live) if (child.pid !== undefined) killTree(child.pid)
  })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code))
  }
}

/**
 * A port of 127.0.0.1 that nothing listens on. Taken from below the range that the kernel gives to outgoing connections,
 * so that none of the thousands that the bench opens can sit on it before the server does.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await canListen(port)) return port
  }
  throw new Error('no free port between 20000 and 32000')
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const pids = descendants(child.pid!)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const insist = setTimeout(() => pids.forEach(kill), patience)
  await exited
  clearTimeout(insist)
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const killTree = (pid: number): void => descendants(pid).forEach(kill)

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it is gone already
  }
}

/**
 * Weir replaces a worker that dies, so the process going on does not tell that all went well; its log does.
 * @throws with the errors that a log of Weir has
 */
export function checkLog(file: string): void {
  const errors = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"level":"error"') || line.includes('"level":"fatal"'))
  if (errors.length > 0) throw new Error(`the log has errors:\n${errors.slice(0, 5).join('\n')}`)
}

/** The last lines of a file, to show with an error. */
function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
}
