// Little servers, specs and a log for the tests of the control plane: real sockets on port 0 of loopback.
import { balanceSpec, plainBackend, rulesSpec } from '../../support/specs.ts'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { pino, type Logger } from 'pino'
import type { BackendSpec, ServerSpec } from '../../../src/messages/snapshot.ts'
import type { CheckSpec, HttpCheckSpec } from '../../../src/control/health/probe.ts'
import { ms } from '../../../src/model/units.ts'

const http: HttpCheckSpec = { method: 'GET', path: '/health', host: null, expect: [[200, 399]] }

export const httpCheck = (overrides: Partial<HttpCheckSpec> = {}): HttpCheckSpec => ({ ...http, ...overrides })

/** Checks that follow each other quickly; a timeout that a busy machine doesn't reach by accident. */
export const quickCheck = (overrides: Partial<CheckSpec> = {}): CheckSpec => ({
  interval: ms(20),
  fastInterval: ms(10),
  timeout: ms(5000),
  rise: 2,
  fall: 3,
  http: null,
  ...overrides,
})

export const serverSpec = (overrides: Partial<ServerSpec> = {}): ServerSpec => ({
  slot: 0,
  name: 's1',
  host: '127.0.0.1',
  port: 1,
  path: null,
  weight: 1,
  maxConnections: 0,
  tier: 0,
  zone: null,
  tls: null,
  ...overrides,
})

export const backendSpec = (overrides: Partial<BackendSpec> = {}): BackendSpec => ({
  slot: 0,
  name: 'app',
  mode: 'http',
  balance: balanceSpec('roundrobin'),
  rules: rulesSpec(),
  slowStart: ms(0),
  servers: [serverSpec()],
  timeouts: {
    connect: ms(1000),
    serverResponse: ms(1000),
    serverIdle: ms(1000),
    tunnel: ms(1000),
    idleConnection: ms(1000),
    request: ms(0),
  },
  ...plainBackend,
  retries: 1,
  idleConnections: 8,
  ...overrides,
})

/** A server that can be stopped at once, with its connections, and started again on the same port. */
export interface Little extends AsyncDisposable {
  readonly port: number
  stop(): Promise<void>
  start(): Promise<void>
}

export const httpServer = (handler: RequestListener): Promise<Little> => little(() => createHttpServer(handler))
export const tcpServer = (handler: (socket: Socket) => void): Promise<Little> => little(() => createServer(handler))

async function little(make: () => Server): Promise<Little> {
  const sockets = new Set<Socket>()
  let port = 0
  let server: Server | null = null
  const start = async (): Promise<void> => {
    server = make()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => server!.once('error', reject).listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)))
    for (const socket of sockets) socket.destroy()
    await closed
    server = null
  }
  await start()
  return { port, start, stop, [Symbol.asyncDispose]: stop }
}

/** A process log that keeps its lines. */
export function memoryLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  return {
    log: pino({ level: 'debug', messageKey: 'message', formatters: { level: (level) => ({ level }) } }, { write }),
    lines,
  }
}

/** Waits until the condition holds; fails after twenty seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what = String(condition)): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`never came true: ${what}`)
}
