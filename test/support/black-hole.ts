// A port on which connecting never ends: a server that accepts nothing, and whose queue is full, so that the kernel drops
// what comes. Linux only in this form.
import net, { type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

const listenAndStop = `
const { parentPort } = require('node:worker_threads')
const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

/** @returns its port */
export async function blackHole(): Promise<number> {
  const worker = new Worker(listenAndStop, { eval: true })
  const sockets: Socket[] = []
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await worker.terminate()
  })
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  for (let tries = 0; tries < 8; tries++) {
    let connected = false
    const socket = net.connect(port, '127.0.0.1').on('error', () => {})
    sockets.push(socket)
    await new Promise<void>((resolve) => {
      socket.once('connect', () => {
        connected = true
        resolve()
      })
      setTimeout(resolve, 100)
    })
    await new Promise((resolve) => setImmediate(resolve)) // by then the sockets were looked at, however late the timer was
    if (!connected) return port
  }
  throw new Error('the queue of a server that accepts nothing does not fill up here')
}
