// A flood of connections to one frontend, as the other one on the same worker sees it.
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { answering, eventually, startPlane, startServer } from '../../support/peers.ts'

const FLOOD = 600

/** Connects many times to the first port and then once to the second, says so, and holds what it has. */
const flooder = `
const net = require('node:net')
const { workerData: { ports, count, told } } = require('node:worker_threads')
const open = (port) => new Promise((resolve, reject) => {
  const socket = net.connect(port, '127.0.0.1', resolve)
  socket.on('error', reject)
})
;(async () => {
  await Promise.all(Array.from({ length: count }, () => open(ports[0])))
  await open(ports[1])
  Atomics.store(told, 0, 1)
  Atomics.notify(told, 0)
})()
`

test('a connection to one frontend does not wait until a flood to another has been accepted', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    frontends: [{}, { name: 'other' }],
    backends: [{ servers: [server.port] }],
  })
  const told = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { ports: [plane.ports['web/0'], plane.ports['other/0']], count: FLOOD, told }
  const thread = new Worker(flooder, { eval: true, workerData })
  onTestFinished(async () => void (await thread.terminate()))
  const { connects } = plane.board.rows[0]!.counters.frontend
  await new Promise((resolve) => thread.once('online', resolve))
  const before = connects[0]!
  Atomics.wait(told, 0, 0, 10_000) // this thread, which is the worker, accepts nothing meanwhile: the kernel has them all
  expect(told[0]).toBe(1)
  expect(connects[0]).toBe(before)
  while (connects[1] === 0) await new Promise(setImmediate)
  expect(connects[0]! - before).toBeLessThan(FLOOD / 10)
  await eventually('all accepted', () => connects[0] === FLOOD, 20_000)
})
