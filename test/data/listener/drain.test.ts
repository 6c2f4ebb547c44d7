// What is in the kernel's queue of a listening socket when the worker stops: taken and answered, not reset.
import net from 'node:net'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { closeListening } from '../../../src/data/listener/close-listening.ts'
import { folder } from '../../support/programs.ts'
import { answering, get, RawClient, startPlane, startServer } from '../../support/peers.ts'

test('connections that were queued when the worker was told to stop are answered', async () => {
  const server = await startServer(answering('fine'))
  const { plane, port } = await startPlane({ backends: [{ servers: [server.port] }] })
  const clients: RawClient[] = []
  for (let i = 0; i < 100; i++) clients.push(new RawClient(connect({ port, host: '127.0.0.1' })).write(get()))
  // They connect in the next tick, before the event loop has a turn in which the worker could accept.
  const drained = new Promise<void>((resolve) => process.nextTick(() => setImmediate(() => resolve(plane.drain()))))
  await Promise.all(clients.map((client) => client.over()))
  await drained
  const broken = clients.flatMap(({ error, text }, i) => (error ? [`${i}: ${error.code} after "${text}"`] : []))
  expect(broken).toEqual([])
  expect(clients.map(({ text }) => text).filter((text) => !text.endsWith('fine'))).toEqual([])
  const told = clients.filter(({ text }) => text.includes('Connection: close')).length
  expect(told).toBeGreaterThan(90) // the first of them may have been answered in the turn before the stop
  const late = new RawClient(connect({ port, host: '127.0.0.1' }))
  await late.over()
  expect(late.error?.code).toBe('ECONNREFUSED')
})

const listening = (where: net.ListenOptions): Promise<net.Server> =>
  new Promise((resolve) => {
    const server = net.createServer((socket) => socket.end('hello'))
    server.listen(where, () => resolve(server))
  })

test('the path of a unix socket belongs to whoever listens on it', async () => {
  const path = join(folder(), 'web.sock')
  const first = await listening({ path })
  const { fd } = (first as unknown as { _handle: { fd: number } })._handle
  // Handed over: the path stays, though Node would take away what it has bound itself.
  closeListening(first, { path, inherited: false, handedOver: true })
  expect(existsSync(path)).toBe(true)
  expect(fd).toBeGreaterThan(0)

  const folderOfSecond = join(folder(), 'two.sock')
  const second = await listening({ path: folderOfSecond })
  closeListening(second, { path: folderOfSecond, inherited: false, handedOver: false })
  expect(existsSync(folderOfSecond)).toBe(false)

  const inherited = await listening({ port: 0, host: '127.0.0.1' })
  closeListening(inherited, { path, inherited: true, handedOver: true })
  expect(existsSync(path)).toBe(true)
  const last = await listening({ port: 0, host: '127.0.0.1' })
  closeListening(last, { path, inherited: true, handedOver: false })
  expect(existsSync(path)).toBe(false)
})
