// A process that has no file descriptors left: it says so, survives, and works again when there are some.
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { answering, dial, eventually, fetchOnce, get, startServer } from '../support/peers.ts'
import { startWeir } from '../support/programs.ts'

test('file descriptors that run out are reported once, with counts, and the process goes on', async () => {
  const server = await startServer(answering('fine'))
  const limit = 96
  const weir = await startWeir(
    `
global: { workers: 1, admin: off, control_socket: CONTROL, max_connections: 5000 }
frontends:
  web: { mode: http, bind: '127.0.0.1:0', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${server.port}'] }
`,
    limit,
  )
  const port = weir.port('web')
  const first = await dial(port)
  await first.write(get()).until('fine')

  const crowd = Array.from({ length: 3 * limit }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
  onTestFinished(() => crowd.forEach((socket) => socket.destroy()))
  await eventually('reported', () => weir.log().includes('no file descriptors left'))
  const said = weir
    .log()
    .split('\n')
    .filter((line) => line.includes('no file descriptors left'))
  const { code, openFiles, connections } = JSON.parse(said[0]!) as Record<string, unknown>
  expect([code, openFiles]).toEqual(['EMFILE', limit])
  expect(connections).toBeGreaterThan(20)
  first.forget()
  await first.write(get()).until('HTTP/1.1 200')

  for (const socket of crowd) socket.destroy()
  await eventually('at work again', async () =>
    ((await fetchOnce(port).catch(() => null))?.text ?? '').endsWith('fine'),
  )
  expect(weir.log().split('no file descriptors left').length - 1).toBe(1)
})
