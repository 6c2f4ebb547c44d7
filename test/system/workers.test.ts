// The whole process as an operator meets it: a worker dies under load, signals, ports that are taken, descriptors that run
// out, files that are not there.
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  answering,
  deadPort,
  dial,
  eventually,
  fetchOnce,
  get,
  onHead,
  pause,
  startServer,
  type RawClient,
} from '../support/peers.ts'
import { folder, program, run, spawnWeir, startWeir } from '../support/programs.ts'

const config = (port: number, more = '', workers = 2): string => `
global: { workers: ${workers}, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 3s }
frontends:
  web: { mode: http, bind: '127.0.0.1:0', backend: app${more} }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${port}'] }
`

/** Asks again and again on one connection, until told to stop or cut off. */
class Asker {
  answered = 0
  /** The last answer said that the connection ends. */
  saidClose = false
  #going = true
  readonly client: RawClient
  readonly done: Promise<void>

  constructor(client: RawClient) {
    this.client = client
    this.done = this.#ask()
  }

  async #ask(): Promise<void> {
    while (this.#going && !this.client.closed && !this.client.ended) {
      this.client.forget()
      this.client.write(get())
      await eventually('answered', () => this.client.text.endsWith('fine') || this.client.closed || this.client.ended)
      if (this.client.text.endsWith('fine')) this.answered++
      if (this.client.text.includes('Connection: close')) this.saidClose = true
    }
  }

  stop(): void {
    this.#going = false
  }
}

test('a worker killed under load is replaced at once; the connections of the other do not notice', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine'), 5)),
  )
  const weir = await startWeir(config(server.port))
  const port = weir.port('web')
  const askers: Asker[] = []
  for (let i = 0; i < 24; i++) askers.push(new Asker(await dial(port)))
  await eventually('all at work', () => askers.every(({ answered }) => answered > 2))

  await weir.kill(1)
  await eventually('some were cut off', () => askers.some(({ client }) => client.closed || client.ended))
  const replaced = async (): Promise<boolean> => {
    const { workers } = await weir.status()
    return workers[1]!.restarts === 1 && workers[1]!.state === 'listening'
  }
  await eventually('replaced', replaced)
  expect(weir.log()).toMatch(/"delay":0\b/) // how long a start takes is the machine's business

  const alive = askers.filter(({ client }) => !client.closed && !client.ended)
  expect(alive.length).toBeGreaterThan(0)
  expect(alive.length).toBeLessThan(askers.length)
  const before = alive.map(({ answered }) => answered)
  await eventually('the others go on', () => alive.every(({ answered }, i) => answered > before[i]! + 5))

  const newcomers = await Promise.all(Array.from({ length: 24 }, () => fetchOnce(port)))
  expect(newcomers.every(({ text }) => text.endsWith('fine'))).toBe(true)
  for (const asker of askers) asker.stop()
  await Promise.all(askers.map(({ done }) => done))
  for (const { client } of askers) client.socket.destroy()
  let last = ''
  const empty = async (): Promise<boolean> => {
    const { connections, backends } = await weir.status()
    last = JSON.stringify([connections, backends[0]!.inflight, backends[0]!.servers[0]!.inflight])
    return last === '[0,0,0]'
  }
  await eventually('empty', empty).catch(() => expect(last).toBe('[0,0,0]'))
  const servers = (await weir.status()).backends[0]!.servers[0]!
  expect(servers.connections).toBe(server.open())
})

test('SIGTERM: answers under way are finished, the connection is said to end, and the exit code is 0', async () => {
  const server = await startServer((socket) =>
    onHead(socket, (head) =>
      setTimeout(
        () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine'),
        head.startsWith('GET /slow') ? 1000 : 5,
      ),
    ),
  )
  const weir = await startWeir(config(server.port))
  const port = weir.port('web')
  const slow = await dial(port)
  slow.write(get('/slow'))
  const idle = await dial(port)
  await idle.write(get()).until('fine')
  const askers: Asker[] = []
  for (let i = 0; i < 8; i++) askers.push(new Asker(await dial(port)))
  await eventually('all at work', () => askers.every(({ answered }) => answered > 1))

  weir.signal('SIGTERM')
  await eventually('stopping', () => weir.log().includes('stopping'))
  await Promise.all(askers.map(({ done }) => done))
  expect(askers.every(({ saidClose, client }) => saidClose && client.error === null)).toBe(true)
  await slow.until('fine')
  expect(slow.text).toContain('Connection: close')
  await idle.over()
  expect(idle.error).toBe(null)
  expect(await weir.exit).toBe(0)
  await expect(dial(port)).rejects.toThrow('ECONNREFUSED')
})

test('SIGTERM with a connection that never ends: over at the shutdown timeout, exit code 0', async () => {
  const server = await startServer((socket) => onHead(socket, () => {}))
  const weir = await startWeir(config(server.port).replace('3s', '500ms'))
  const client = await dial(weir.port('web'))
  client.write(get())
  await eventually('at the server', () => server.open() === 1)
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(0)
  await client.over()
})

test('a second signal ends it at once', async () => {
  const server = await startServer((socket) => onHead(socket, () => {}))
  const weir = await startWeir(config(server.port).replace('3s', '30s'))
  const client = await dial(weir.port('web'))
  client.write(get())
  await eventually('at the server', () => server.open() === 1)
  weir.signal('SIGTERM')
  await eventually('stopping', () => weir.log().includes('stopping'))
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(143)
})

test('a port that is taken: said in words, exit code 1', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as AddressInfo
  const weir = spawnWeir(config(1).replace('127.0.0.1:0', `127.0.0.1:${port}`))
  expect(await weir.exit).toBe(1)
  expect(weir.log()).toMatch(new RegExp(`127.0.0.1:${port}.*(in use|taken)`))
})

test('a certificate that is not there: the place in the file, exit code 1', async () => {
  const weir = spawnWeir(config(1, ', tls: missing.pem'))
  expect(await weir.exit).toBe(1)
  expect(weir.log()).toMatch(/weir\.yaml:4:\d+: UNREADABLE_FILE: .*missing\.pem/)
})

test('descriptors that run out: what is there goes on, and when there are some again, so does the rest', async () => {
  const server = await startServer(answering('fine'))
  const limit = 96
  const text = config(server.port, '', 1).replace('admin: off', 'admin: off, max_connections: 5000')
  const weir = await startWeir(text, limit)
  const port = weir.port('web')
  const first = await dial(port)
  await first.write(get()).until('fine')

  const crowd: net.Socket[] = []
  for (let i = 0; i < 3 * limit; i++) {
    crowd.push(net.connect(port, '127.0.0.1').on('error', () => {}))
  }
  onTestFinished(() => crowd.forEach((socket) => socket.destroy()))
  await eventually('out of descriptors', () => weir.log().includes('no file descriptors left'))
  await pause(1500) // for a worker that says so with every connection that it cannot take
  expect(weir.log().length).toBeLessThan(200_000)
  first.forget()
  first.write(get())
  await eventually('an answer of some kind', () => /HTTP\/1.1 (200|503)/.test(first.text))

  for (const socket of crowd) socket.destroy()
  const works = async (): Promise<boolean> => (await fetchOnce(port).catch(() => null))?.text.endsWith('fine') ?? false
  await eventually('at work again', works)
  expect((await weir.status()).workers[0]!.restarts).toBe(0)
})

test('a unix socket bind belongs to one worker, and is taken over by the one that replaces it', async () => {
  const path = `${folder()}/web.sock`
  const server = await startServer(answering('fine'))
  const weir = await startWeir(config(server.port).replace("'127.0.0.1:0'", `['127.0.0.1:0', 'unix:${path}']`))
  const ask = async (): Promise<string> => {
    const client = await dial({ path })
    return (await client.write(get('/', 'Connection: close')).over()).text
  }
  expect(await ask()).toContain('fine')
  await weir.kill(0)
  await eventually('taken over', async () => (await ask().catch(String)).includes('fine'))
})

test('a bounded load from wrk on two workers: not one error', async ({ skip }) => {
  const wrk = program('wrk') ?? skip('wrk is not installed')
  const server = await startServer(answering('fine'))
  const weir = await startWeir(config(server.port))
  const { stdout } = await run(wrk, ['-t1', '-c16', '-d1s', `http://127.0.0.1:${weir.port('web')}/`])
  expect(stdout).toMatch(/\d+ requests in/)
  expect(stdout).not.toMatch(/Non-2xx|Socket errors/)
  const { backends } = await weir.status()
  expect(backends[0]!.inflight).toBe(0)
})

test('servers that come and go under load: not one request fails', async () => {
  const dead = await deadPort()
  const server = await startServer(answering('fine'))
  const yaml = config(server.port).replace("servers: ['", `servers: ['127.0.0.1:${dead}', '`)
  const weir = await startWeir(yaml)
  const port = weir.port('web')
  for (let round = 0; round < 3; round++) {
    const other = round % 2 === 1 ? await startServer(answering('fine'), { port: dead }) : null
    const answers = await Promise.all(Array.from({ length: 40 }, () => fetchOnce(port)))
    expect(answers.filter(({ text }) => !text.endsWith('fine')).length).toBe(0)
    await other?.close()
  }
})
