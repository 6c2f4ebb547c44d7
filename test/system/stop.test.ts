// A stop as the tier above sees it: first readiness fails and requests go on, then answers say that the connection ends, then
// nobody listens. And what becomes of clients that have not noticed anything.
import { expect, test } from 'vitest'
import { answering, dial, eventually, fetchOnce, get, startServer } from '../support/peers.ts'
import { startWeir, type WeirProcess } from '../support/programs.ts'
import { Wire } from './reload-load.ts'

const config = (port: number, lameDuck: string): string => `
global: { workers: 2, admin: '127.0.0.1:0', control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s, lame_duck: ${lameDuck} }
frontends:
  web: { bind: '127.0.0.1:0', health: /healthz, backend: app }
backends:
  app: { health_check: { interval: 200ms }, servers: ['127.0.0.1:${port}'] }
`
const adminOf = (weir: WeirProcess): number => Number(/"port":(\d+),"message":"admin on/.exec(weir.log())![1])
const statusOf = async (port: number, path: string): Promise<string> =>
  (await fetchOnce(port, get(path, 'Connection: close'))).text.slice(9, 12)

test('a lame duck: readiness fails, requests go on on kept and on new connections, then it stops', async () => {
  const server = await startServer(answering('fine'))
  const weir = await startWeir(config(server.port, '4s'))
  const port = weir.port('web')
  const admin = adminOf(weir)
  const isReady = async (status: string): Promise<boolean> =>
    (await statusOf(port, '/healthz')) === status && (await statusOf(admin, '/readyz')) === status
  await eventually('ready', () => isReady('200'))
  const kept = await dial(port)
  await kept.write(get()).until('fine')

  weir.signal('SIGTERM')
  await eventually('lame', () => weir.log().includes('not ready any more'))
  expect(await isReady('503')).toBe(true)
  expect(await statusOf(admin, '/livez')).toBe('200')
  await kept.forget().write(get()).until('fine')
  expect(kept.text).not.toContain('Connection: close')
  expect((await fetchOnce(port)).text).toContain('fine')
  expect(weir.log()).not.toContain('stopping: waiting')

  await eventually('stopping', () => weir.log().includes('stopping: waiting'))
  await kept.over()
  expect(kept.error).toBe(null)
  expect(await weir.exit).toBe(0)
})

test('a second signal does not wait for the lame duck', async () => {
  const server = await startServer(answering('fine'))
  const weir = await startWeir(config(server.port, '1h'))
  weir.signal('SIGTERM')
  await eventually('lame', () => weir.log().includes('not ready any more'))
  weir.signal('SIGINT')
  expect(await weir.exit).toBe(130)
})

test('clients that connect in a tight loop during a stop: who got in is answered; after that, connections are refused', async () => {
  const server = await startServer(answering('fine'))
  const weir = await startWeir(config(server.port, '0s'))
  const port = weir.port('web')
  let answered = 0
  const lost: string[] = []
  const client = async (): Promise<void> => {
    for (;;) {
      const wire = await Wire.open({ port })
      if (typeof wire === 'string') return void (wire.includes('ECONNREFUSED') || lost.push(wire))
      wire.write(get('/', 'Connection: close'))
      const answer = await wire.answer()
      wire.socket.destroy()
      if (typeof answer === 'string') lost.push(answer)
      else answered++
    }
  }
  const clients = Array.from({ length: 8 }, client)
  await eventually('at work', () => answered > 50)
  weir.signal('SIGTERM')
  await Promise.all(clients)
  expect(await weir.exit).toBe(0)
  // While one waits to be accepted, the kernel completes no more handshakes: one on each of two sockets can be lost at most.
  expect(lost.length, lost.join('\n')).toBeLessThanOrEqual(2)
})
