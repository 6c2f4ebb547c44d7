// Who is at the other end of a unix socket, by the kernel's word: a real client in a process of its own, and the table of `ss`.
import { spawn } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openControlSocket } from '../../../src/control/admin/control-socket.ts'
import { peerIn, peerProcess } from '../../../src/control/runtime/peer-process.ts'
import { CLIENT_HEADER } from '../../../src/control/runtime/who.ts'
import { folder, program, run } from '../../support/programs.ts'
import { startStage, twoServers } from './fixtures.ts'

const withSs = test.skipIf(program('ss') === null)

withSs('a process that connects is found, with its user', async () => {
  const path = join(folder(), 'a socket.sock')
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer((socket) => accepted.resolve(socket)).listen(path)
  const client = spawn(process.execPath, ['-e', `require('net').connect(${JSON.stringify(path)})`], { stdio: 'ignore' })
  onTestFinished(() => {
    client.kill('SIGKILL')
    server.close()
  })
  const socket = await accepted.promise
  expect(await peerProcess(socket)).toMatchObject({ pid: client.pid, uid: process.getuid!(), tty: null })
  client.kill('SIGKILL')
  await new Promise((resolve) => client.once('exit', resolve))
  expect(await peerProcess(socket)).toBeNull()
  socket.destroy()
})

withSs('a change is logged with the process that asked for it, whatever that says of itself', async () => {
  const stage = startStage(twoServers)
  const path = join(folder(), 'weir.sock')
  const socket = await openControlSocket(path, stage.runtime, { peerOf: peerProcess })
  onTestFinished(() => socket.close())
  const script = `
const { request } = require('node:http')
const headers = { '${CLIENT_HEADER}': 'user=mallory uid=1 pid=1' }
request({ socketPath: ${JSON.stringify(path)}, method: 'POST', path: '/v1/servers/app/s1/drain', headers }, (r) => {
  console.log(process.pid)
  r.resume()
}).end()`
  const { stdout, stderr } = await run(process.execPath, ['-e', script])
  expect(stderr).toBe('')
  const [change] = stage.changes()
  expect(change).toContain(`(uid ${process.getuid!()}, pid ${stdout.trim()})`)
  expect(change).not.toContain('mallory')
})

test('the table: the line of the peer, and one process alone', () => {
  const line = (path: string, inode: number, peerPath: string, peer: number, users: string): string =>
    `u_str ESTAB 0      0      ${path} ${inode} ${peerPath} ${peer} ${users}`
  const ours = line('/run/my weir.sock', 100, '*', 101, 'users:(("weir",pid=5,fd=30))')
  const theirs = line('*', 101, '/run/my weir.sock', 100, 'users:(("weir",pid=77,fd=3),("weir",pid=77,fd=4))')
  expect(peerIn([ours, theirs].join('\n'), 100)).toBe(77)
  expect(peerIn([ours, theirs.replace('77,fd=4', '78,fd=4')].join('\n'), 100)).toBeNull()
  expect(peerIn([ours, line('*', 101, '*', 1000, 'users:(("x",pid=9,fd=1))')].join('\n'), 100)).toBeNull()
  expect(peerIn([ours, line('*', 101, '*', 100, '')].join('\n'), 100)).toBeNull()
  expect(peerIn('', 100)).toBeNull()
})
