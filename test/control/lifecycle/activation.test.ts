// Which bind a socket of the system's supervisor is for: by name, by address, or for none.
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { addressOfInode, takeActivated } from '../../../src/control/lifecycle/activation.ts'
import { duplicate } from '../../../src/control/lifecycle/duplicate.ts'
import { InheritedSockets } from '../../../src/control/lifecycle/inherited.ts'
import { bindSpec, frontendSpec } from '../fixtures.ts'

const frontends = [
  frontendSpec({
    name: 'web',
    binds: [
      bindSpec({ id: 'web/[::]:80', host: '::', port: 80 }),
      bindSpec({ id: 'web/10.0.0.1:8080', host: '10.0.0.1', port: 8080 }),
    ],
  }),
  frontendSpec({ name: 'db', binds: [bindSpec({ id: 'db/unix', host: null, port: 0, path: '/run/db.sock' })] }),
]
const env = (count: number, names = ''): NodeJS.ProcessEnv => ({
  LISTEN_FDS: String(count),
  LISTEN_PID: '7',
  LISTEN_FDNAMES: names,
  HOME: '/',
})
const addresses =
  (...list: (string | null)[]) =>
  (fd: number): string | null =>
    list[fd - 3] ?? null

test('by address, however it is written; what no bind asks for is told', () => {
  const given = env(4)
  const found = takeActivated(frontends, given, 7, addresses('10.0.0.1 8080', ':: 80', '/run/db.sock', '10.9.9.9 1'))
  expect(found.fds).toEqual({ 'web/10.0.0.1:8080': 3, 'web/[::]:80': 4, 'db/unix': 5 })
  expect(found.unused).toEqual(['10.9.9.9 1'])
  expect(given).toEqual({ HOME: '/' })
})

test('by the name of a frontend with one bind, or of a bind with - for its colons', () => {
  const named = takeActivated(frontends, env(2, 'db:web/10.0.0.1-8080'), 7, addresses(null, null))
  expect(named).toEqual({ fds: { 'db/unix': 3, 'web/10.0.0.1:8080': 4 }, unused: [] })
  expect(takeActivated(frontends, env(1, 'web'), 7, addresses(null)).unused).toEqual(['web'])
})

test('sockets for another process are left alone, and the variables are taken away all the same', () => {
  const given = env(1)
  expect(takeActivated(frontends, given, 8, addresses(':: 80')).fds).toEqual({})
  expect(given).toEqual({ HOME: '/' })
})

test('an address is found by the number of the socket in /proc/net', () => {
  const header = '  sl  local_address rem_address   st ...\n'
  const row = (at: string, inode: string): string =>
    `   0: ${at} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100\n`
  const text = {
    tcp: header + row('0100007F:1F90', '111'),
    tcp6:
      header +
      row('00000000000000000000000000000000:0050', '222') +
      row('B80D0120000000000000000001000000:01BB', '333'),
    unix: 'Num RefCount\n0000000000000000: 00000002 00000000 00010000 0001 01 444 /run/db.sock\n',
  }
  const find = (inode: string): string | null => addressOfInode(inode, (file) => text[file])
  expect(['111', '222', '333', '444', '555'].map(find)).toEqual([
    '127.0.0.1 8080',
    ':: 80',
    '2001:db8::1 443',
    '/run/db.sock',
    null,
  ])
})

async function listening(): Promise<{ server: net.Server; fd: number; port: number }> {
  const server = net.createServer((socket) => socket.end('first'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  return { server, fd, port: (server.address() as net.AddressInfo).port }
}

const said = (port: number): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    const socket = net.connect(port, '127.0.0.1')
    socket
      .on('data', (chunk) => (text += String(chunk)))
      .on('error', (error: NodeJS.ErrnoException) => (text = error.code!))
    socket.on('close', () => resolve(text))
  })

test('a duplicate is the same socket under another number: it lives on when the first is closed', async () => {
  const { server, fd, port } = await listening()
  const [one, two] = (await duplicate([fd, fd])) as [number, number]
  expect(new Set([fd, one, two]).size).toBe(3)
  const other = net.createServer((socket) => socket.end('second'))
  await new Promise<void>((resolve) => other.listen({ fd: one }, resolve))
  await new Promise((resolve) => server.close(resolve))
  expect(await said(port)).toBe('second')
  await new Promise((resolve) => other.close(resolve))
  const last = net.createServer((socket) => socket.end('third'))
  await new Promise<void>((resolve) => last.listen({ fd: two }, resolve))
  expect(await said(port)).toBe('third')
  await new Promise((resolve) => last.close(resolve))
  expect(await said(port)).toBe('ECONNREFUSED')
  await expect(duplicate([987])).rejects.toThrow()
})

test('workers get the sockets of the process before one each, and a duplicate each of what the system has opened', async () => {
  const { fd } = await listening()
  const [ownOne, ownTwo, system] = (await duplicate([fd, fd, fd])) as [number, number, number]
  const sockets = new InheritedSockets({ sockets: { web: [ownOne, ownTwo] }, activated: { db: system } })
  expect([sockets.has('web'), sockets.has('db'), sockets.has('other')]).toEqual([true, true, false])
  const first = await sockets.take()
  const second = await sockets.take()
  expect([first['web'], second['web'], (await sockets.take())['web']]).toEqual([ownOne, ownTwo, undefined])
  expect(new Set([first['db'], second['db'], system]).size).toBe(3)
  sockets.retain(['web'])
  expect(sockets.has('db')).toBe(false)
  expect(await sockets.take()).toEqual({})
})
