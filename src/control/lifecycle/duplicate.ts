// Listening sockets once more: another descriptor for the same socket, so that two threads can accept from one queue and
// each close its own. Node has no dup(2), but a descriptor that goes to another process and comes back is a new one. So a
// small process, as short-lived as the answer, gets the sockets and sends them back. About 70 ms, for what an operator asks for.
import { spawn } from 'node:child_process'

/** Sends back its descriptors from 4 on; the handle is what goes over the channel, and nothing listens on it there. */
const sendBack = `
const { _createServerHandle: open } = require('node:net')
process.on('message', (n) => {
  for (let fd = 4; fd < 4 + n; fd++) process.send({ fd }, open(null, null, null, fd, 0))
})
`
const patience = 10_000

/** What came back. The handles are never closed here, because their descriptors belong to whoever asked. */
const kept: unknown[] = []

/**
 * @param fds listening sockets of this process
 * @returns a descriptor for each, in their order, which the caller has to close
 * @throws Error when the sockets do not come back
 */
export async function duplicate(fds: readonly number[]): Promise<number[]> {
  if (fds.length === 0) return []
  const child = spawn(process.execPath, ['-e', sendBack], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...fds],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const { promise, resolve, reject } = Promise.withResolvers<number[]>()
  const copies: number[] = []
  child.on('message', ({ fd }: { fd: number }, handle: unknown) => {
    kept.push(handle)
    copies[fd - 4] = (handle as { fd: number }).fd
    if (Object.keys(copies).length === fds.length) resolve(copies)
  })
  child.on('error', reject)
  child.on('exit', (code, signal) =>
    reject(new Error(`cannot duplicate listening sockets: ${signal ?? `exit code ${code}`}`)),
  )
  const timer = setTimeout(() => reject(new Error('cannot duplicate listening sockets: no answer')), patience)
  child.send(fds.length, (error) => {
    if (error) reject(error)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    child.kill('SIGKILL')
  })
}
