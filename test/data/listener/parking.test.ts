// Connections that find no place: they wait in the order in which they came, over all workers, and are not read before
// they have one. That they are refused in the end is in binds.test.ts.
import { expect, test } from 'vitest'
import type { TestPlane, Wish } from '../../support/data-plane.ts'
import {
  answering,
  dial,
  eventually,
  fetchOnce,
  get,
  leftovers,
  onHead,
  pause,
  reasonCount,
  startPlane,
  startServer,
  type RawClient,
} from '../../support/peers.ts'

async function planes(wish: Omit<Wish, 'backends'>, count = 1): Promise<TestPlane[]> {
  const server = await startServer(answering('fine'))
  const shared = { ...wish, backends: [{ servers: [server.port] }], workers: count }
  const first = await startPlane(shared)
  const others: TestPlane[] = []
  for (let worker = 1; worker < count; worker++)
    others.push(await startPlane({ ...shared, board: first.board, worker }))
  return [first, ...others]
}

const accepted = ({ board }: TestPlane, worker = 0): number =>
  board.rows[worker]!.counters.frontend.connects.reduce((sum, n) => sum + n, 0)

/** A client that has got an answer and stays. */
async function inside(port: number): Promise<RawClient> {
  const client = await dial(port)
  return client.write(get()).until('fine')
}

/** A client that has sent its request and waits for a place. */
async function waiting(plane: TestPlane, worker = 0, port = plane.port): Promise<RawClient> {
  const before = accepted(plane, worker)
  const client = await dial(port)
  client.write(get('/', 'Connection: close'))
  await eventually('accepted', () => accepted(plane, worker) > before)
  return client
}

test('a connection to a full frontend waits, and goes on as soon as another one has ended', async () => {
  const [plane] = (await planes({ frontends: [{ maxConnections: 1 }] })) as [TestPlane]
  const first = await inside(plane.port)
  const second = await waiting(plane)
  await pause(150) // longer than a tick
  expect(second.text).toBe('')
  expect(plane.board.shared.frontend.connections[0]).toBe(1)
  first.socket.destroy()
  await second.until('fine')
  expect(reasonCount(plane, 'frontend_full')).toBe(0)
})

test('first come, first served; a newcomer does not overtake', async () => {
  const [plane] = (await planes({ frontends: [{ maxConnections: 1 }] })) as [TestPlane]
  const first = await inside(plane.port)
  const order: number[] = []
  const crowd: RawClient[] = []
  for (let i = 0; i < 8; i++) {
    const client = await waiting(plane)
    client.socket.once('data', () => order.push(i))
    crowd.push(client)
  }
  first.socket.destroy()
  for (const client of crowd) await client.over()
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('the end of a connection of one worker lets in one that waits at another', async () => {
  const [one, two] = (await planes({ frontends: [{ maxConnections: 2 }] }, 2)) as [TestPlane, TestPlane]
  const here = await inside(one.port)
  const there = await inside(two.port)
  const late = await waiting(two, 1)
  here.socket.destroy()
  await late.until('fine')
  there.socket.destroy()
})

test('who waits at another worker goes before newcomers, however busy the one with the places is', async () => {
  const [one, two] = (await planes({ frontends: [{ maxConnections: 1 }] }, 2)) as [TestPlane, TestPlane]
  const first = await inside(one.port)
  const elsewhere = await waiting(two, 1)
  await pause(5) // stamps are of a millisecond
  const order: string[] = []
  elsewhere.socket.once('data', () => order.push('elsewhere'))
  const crowd = await Promise.all(Array.from({ length: 5 }, () => waiting(one)))
  for (const client of crowd) client.socket.once('data', () => order.push('here'))
  first.socket.destroy()
  for (const client of [elsewhere, ...crowd]) await client.over()
  expect(order).toEqual(['elsewhere', 'here', 'here', 'here', 'here', 'here'])
})

test('a full frontend does not hold up another one', async () => {
  const frontends = [{ maxConnections: 1 }, { name: 'other' }]
  const [plane] = (await planes({ frontends })) as [TestPlane]
  const first = await inside(plane.port)
  const second = await waiting(plane)
  expect((await fetchOnce(plane.ports['other/0']!)).text).toContain('fine')
  expect(second.text).toBe('')
  first.socket.destroy()
  await second.until('fine')
})

test('a full process: whichever frontend has a connection less, the one that came first gets the place', async () => {
  const [plane] = (await planes({ frontends: [{}, { name: 'other' }], snapshot: { maxConnections: 2 } })) as [TestPlane]
  const other = plane.ports['other/0']!
  const first = await inside(plane.port)
  const second = await inside(other)
  const order: string[] = []
  for (const [name, port] of [
    ['a', other],
    ['b', plane.port],
    ['c', other],
  ] as const) {
    const client = await waiting(plane, 0, port)
    client.socket.once('data', () => order.push(name))
    await pause(5) // stamps are of a millisecond
  }
  first.socket.destroy()
  await eventually('all served', () => order.length === 3)
  expect(order).toEqual(['a', 'b', 'c'])
  second.socket.destroy()
})

test('limits are never exceeded for a moment, over two workers, and everybody is served in the end', async () => {
  let inFlight = 0
  let most = 0
  const server = await startServer((socket) => {
    onHead(socket, () => {
      most = Math.max(most, ++inFlight)
      setTimeout(() => {
        inFlight--
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      }, 3)
    })
  })
  const wish = { frontends: [{ maxConnections: 4 }], backends: [{ servers: [server.port] }], workers: 2 }
  const one = await startPlane(wish)
  const two = await startPlane({ ...wish, board: one.board, worker: 1 })
  const ports = [one.port, two.port]
  const crowd = await Promise.all(Array.from({ length: 80 }, (_, i) => fetchOnce(ports[i % 2]!)))
  expect(crowd.filter(({ text }) => !text.endsWith('fine')).map(({ text }) => text)).toEqual([])
  expect(most).toBeLessThanOrEqual(4)
  expect(most).toBeGreaterThan(1)
})

test('only so many wait: who comes after that is refused at once', async () => {
  const [plane] = (await planes({ snapshot: { maxConnections: 1 } })) as [TestPlane]
  const first = await inside(plane.port)
  const crowd = []
  for (let i = 0; i < 16; i++) crowd.push(await waiting(plane))
  expect((await fetchOnce(plane.port)).text).toContain('process_full')
  expect(crowd.every(({ text }) => text === '')).toBe(true)
  first.socket.destroy()
  for (const client of crowd) await client.until('fine')
})

test('a client that left while it waited costs its place for no more than a moment', async () => {
  const [plane] = (await planes({ frontends: [{ maxConnections: 1 }] })) as [TestPlane]
  const first = await inside(plane.port)
  const gone = await waiting(plane)
  const next = await waiting(plane)
  gone.socket.resetAndDestroy()
  first.socket.destroy()
  await next.until('fine')
})

test('a stop waits for those that wait, and they are served', async () => {
  const [plane] = (await planes({ frontends: [{ maxConnections: 1 }] })) as [TestPlane]
  const first = await inside(plane.port)
  const second = await waiting(plane)
  const stopped = plane.plane.drain()
  first.socket.destroy()
  await second.until('fine')
  await stopped
  expect(leftovers(plane)).toBe('')
})

test('a place that belongs to a worker which does nothing with it is taken by another in the end', async () => {
  const [one] = (await planes({ frontends: [{ maxConnections: 1 }] }, 2)) as [TestPlane]
  const first = await inside(one.port)
  const second = await waiting(one)
  one.board.rows[1]!.marks.frontend.parked[0] = (one.board.rows[0]!.marks.frontend.parked[0]! - 1000) | 0
  first.socket.destroy()
  await second.until('fine')
  one.board.rows[1]!.marks.frontend.parked[0] = 0
})
