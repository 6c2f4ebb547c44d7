// A new process in the place of the running one, as clients and operators see it: nothing fails under load, plain and over TLS, on
// kept and on new connections; a new one that does not get there changes nothing. And sockets that the system opened.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { answering, dial, eventually, fetchOnce, get, startServer } from '../support/peers.ts'
import { folder, run, startWeir } from '../support/programs.ts'
import { makeCertificate } from '../support/certificates.ts'
import { Load } from './reload-load.ts'
import { gone, Service } from './successor.ts'

const program = fileURLToPath(new URL('../../bin/weir', import.meta.url))

async function configured(port: number, path: string): Promise<string> {
  const { cert, key } = await makeCertificate({ names: ['localhost'] })
  const pem = join(folder(), 'site.pem')
  writeFileSync(pem, cert + key)
  return `
global: { workers: 2, admin: '127.0.0.1:0', control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s, lame_duck: 5s }
frontends:
  web: { bind: ['127.0.0.1:0', 'unix:${path}'], backend: app }
  secure: { bind: '127.0.0.1:0', tls: ${pem}, backend: app }
backends:
  app: { health_check: { interval: 200ms }, servers: ['127.0.0.1:${port}'] }
`
}

test('two upgrades under load, by signal and by command: not one request fails, and the old process ends', async () => {
  const server = await startServer(answering('fine'))
  const path = join(folder(), 'web.sock')
  const weir = await startWeir(await configured(server.port, path))
  const service = new Service(weir)
  const [web, secure] = [{ port: weir.port('web') }, { port: weir.port('secure'), tls: true }]
  const load = new Load().keepAlive('kept', web, 4).fresh('new', web, 4)
  load.keepAlive('kept over TLS', secure, 2).fresh('new over TLS', secure, 2)
  await load.more(10)

  load.during = 'the first upgrade'
  process.kill(service.pid, 'SIGUSR2')
  await service.succeeded()
  await gone(weir.pid)
  await load.more(10)

  load.during = 'the second upgrade'
  const { code, stdout, stderr } = await run(program, ['upgrade', '--socket', weir.control])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const pid = await service.succeeded()
  expect(stdout).toContain(`Process ${pid} `)
  await gone(service.pids[1]!)
  await load.more(10)
  await load.stop()
  expect(load.problems).toEqual([])
  expect(await service.status()).toMatchObject({ ready: true, draining: false })

  const client = await dial({ path })
  expect((await client.write(get('/', 'Connection: close')).over()).text).toContain('fine')
  process.kill(pid, 'SIGTERM')
  await gone(pid)
  await expect(dial({ path })).rejects.toThrow('ENOENT')
}, 120_000)

test('a configuration that is bad by now: the old process goes on, and says why', async () => {
  const server = await startServer(answering('fine'))
  const text = await configured(server.port, join(folder(), 'web.sock'))
  const weir = await startWeir(text)
  const service = new Service(weir)
  service.writeConfig(text.replace('app: {', 'app: { balanse: x,'))
  const { code, stderr } = await run(program, ['upgrade', '--socket', weir.control])
  expect(code).toBe(1)
  expect(stderr).toMatch(/the new program ended with exit code 1: .*balanse/)
  await eventually('told', () => weir.log().includes('upgrade failed, this process goes on'))
  expect((await service.status()).pid).toBe(weir.pid)
  expect((await fetchOnce(weir.port('web'))).text).toContain('fine')

  service.writeConfig(text.replace(`secure: { bind: '127.0.0.1:0'`, `secure: { bind: '127.0.0.1:${server.port}'`))
  const again = await run(program, ['upgrade', '--socket', weir.control])
  expect(again.stderr).toMatch(/port is taken/)
  expect((await fetchOnce(weir.port('web'))).text).toContain('fine')
})

test('a stop while the new process starts ends both', async () => {
  const server = await startServer(answering('fine'))
  const text = await configured(server.port, join(folder(), 'web.sock'))
  const weir = await startWeir(text.replace('lame_duck: 5s', 'lame_duck: 0s'))
  weir.signal('SIGUSR2')
  await eventually('started', () => weir.log().includes('starting'.padEnd(8)) && weir.log().includes('"child":'))
  const child = Number(/"child":(\d+)/.exec(weir.log())![1])
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(0)
  await gone(child)
})

/** Starts Weir with a listening socket, as a supervisor does: all of its workers get it. */
async function activated(names: string): Promise<{ port: number; log: () => string; pid: number }> {
  const server = await startServer(answering('fine'))
  const socket = net.createServer()
  await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve))
  const { port } = socket.address() as AddressInfo
  const where = folder()
  const config = join(where, 'weir.yaml')
  writeFileSync(
    config,
    `
global: { workers: 2, admin: off, control_socket: '${where}/control.sock' }
frontends:
  web: { bind: '127.0.0.1:${port}', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${server.port}'] }
`,
  )
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  const env = { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: names }
  const command = 'LISTEN_PID=$$ exec "$0" run "$1"'
  const child = spawn('/bin/sh', ['-c', command, program, config], { stdio: ['ignore', 'ignore', 'pipe', fd], env })
  socket.close()
  let log = ''
  child.stderr!.on('data', (chunk: Buffer) => (log += String(chunk)))
  const exit = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  await eventually('ready', () => log.includes(' is ready') || child.exitCode !== null, 40_000)
  return { port, log: () => log, pid: child.pid! }
}

test.each(['weir.socket', 'web'])(
  'a socket that the system has opened, named %s, is that of the bind',
  async (name) => {
    const { port, log } = await activated(name)
    expect(log()).toContain('has its socket already')
    expect(log()).toContain(' is ready')
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetchOnce(port)))
    expect(answers.filter(({ text }) => !text.endsWith('fine'))).toEqual([])
  },
)
