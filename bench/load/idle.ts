// Connections that make one request each and then stay open, doing nothing: what does each cost the proxy in memory?
// A program of its own, because the proxy and the generator each come near the limit of open files with them.
// Before the count, connections are opened and closed one after the other, so that code is compiled and heaps have their
// working size, while next to no memory of closed connections is left that the idle ones could take over.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { parseArgs } from 'node:util'
import { childEnv, pinned, track } from '../process.ts'

export interface IdleOptions {
  readonly port: number
  readonly path: string
  readonly tls: boolean
  readonly connections: number
  readonly cores: string
  /** Resident memory of the proxy, in KiB; read when it is quiet. */
  readonly resident: () => number
}

/** Connections that are being opened at one time. */
const atOnce = 32
/** Connections opened and closed before the count. */
const warmUp = 3000
/** For garbage collection and freed pools to settle, in ms. */
const settle = 2000

/** @returns KiB of resident memory that each idle connection added */
export async function idleMemory(options: IdleOptions): Promise<number> {
  const argv = [process.execPath, join(import.meta.dirname, 'idle.ts'), '--port', String(options.port)]
  argv.push('--path', options.path, '--connections', String(options.connections), ...(options.tls ? ['--tls'] : []))
  const [command, ...args] = pinned(options.cores, argv)
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'], env: childEnv() })
  track(child)
  const limit = setTimeout(() => child.kill('SIGKILL'), 120_000)
  try {
    await line(child.stdout)
    await sleep(settle)
    const before = options.resident()
    child.stdin.write('go\n')
    const open = Number(await line(child.stdout))
    if (open !== options.connections) throw new Error(`${open} of ${options.connections} connections stayed open`)
    await sleep(settle)
    return (options.resident() - before) / options.connections
  } finally {
    clearTimeout(limit)
    child.kill('SIGKILL')
  }
}

/** The next thing that the generator says. */
async function line(stream: NodeJS.ReadableStream): Promise<string> {
  const [said] = await Promise.race([once(stream, 'data'), once(stream, 'end').then(() => [''])])
  if (String(said) === '') throw new Error('the generator of idle connections ended early')
  return String(said).trim()
}

type Connect = () => net.Socket

/** Opens connections, each with one request answered; with `keep` they stay open. */
async function wave(connections: number, connect: Connect, request: string, keep: boolean): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  const opener = async (): Promise<void> => {
    while (sockets.length < connections) {
      const socket = connect()
      sockets.push(socket)
      if (!(await answered(socket, request)) || !keep) socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, opener))
  return sockets
}

/** Sends the request. @returns whether the answer was a good one; false also when the connection fails */
function answered(socket: net.Socket, request: string): Promise<boolean> {
  return new Promise((resolve) => {
    socket.on('error', () => {}) // 'close' follows
    socket.once('close', () => resolve(false))
    socket.on('data', (chunk: Buffer) => resolve(chunk.toString('latin1', 0, 12) === 'HTTP/1.1 200'))
    socket.write(request)
  })
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { port: text, path: text, connections: text, tls: { type: 'boolean', default: false } },
  })
  const port = Number(values.port)
  const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' })
  const connect: Connect = values.tls
    ? () => tls.connect({ host: '127.0.0.1', port, secureContext, rejectUnauthorized: false })
    : () => net.connect({ host: '127.0.0.1', port })
  const request = `GET ${values.path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

  await wave(warmUp, connect, request, false)
  process.stdout.write('warm\n')
  await once(process.stdin, 'data')
  const sockets = await wave(Number(values.connections), connect, request, true)
  await sleep(500)
  process.stdout.write(`${sockets.filter((socket) => !socket.destroyed).length}\n`)
  // and stays until it is killed, or the bench that holds the other end of its input is gone
  process.stdin.once('end', () => process.exit())
}

if (import.meta.main) await main()
