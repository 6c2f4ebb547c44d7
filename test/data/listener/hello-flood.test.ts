// Hundreds of connections that send half a hello and no more: what they cost is bounded, they end when their time is over,
// and everybody else is served meanwhile. And handshakes of one's own that wait for each other.
import { describe, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { snapshotOf, type TestPlane } from '../../support/data-plane.ts'
import { dial, eventually, get, leftovers, reasonCount } from '../../support/peers.ts'
import { extension, handshake, helloBody, helloOfNode, records } from '../tls/hellos.ts'
import { SERVER_NAME, bothWays, connections, passedThrough, secureClient } from './both-ways.ts'

const FLOOD = 500

test('500 connections with half a hello', { timeout: 60_000 }, async () => {
  const { plane, port } = await bothWays({ frontend: { timeouts: { tlsHandshake: ms(10_000) } } })
  const half = records(handshake(helloBody([extension(51, Buffer.alloc(14_000))]))).subarray(0, 13_000)
  const before = process.memoryUsage().arrayBuffers
  const clients = await Promise.all(Array.from({ length: FLOOD }, () => dial(port)))
  for (const client of clients) client.write(half)
  const theirs = plane.board.shared.frontend.connections
  await eventually('all here', () => theirs[0] === FLOOD)
  for (const name of ['web.test', SERVER_NAME]) {
    const client = await secureClient(port, name)
    await client.write(get()).until('from ')
    client.socket.end()
    await client.over()
  }
  expect(theirs[0]).toBeGreaterThanOrEqual(FLOOD)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(FLOOD * 2 * 16_384)
  await eventually('all ended', () => clients.every((client) => client.closed || client.ended), 40_000)
  expect(reasonCount(plane, 'tls_handshake')).toBe(FLOOD)
  for (const client of clients) client.socket.destroy()
  await eventually('nothing left', () => leftovers(plane) === '')
  expect(passedThrough(plane)).toBe(1)
})

describe('a limit of handshakes under way', () => {
  const open = ({ board }: TestPlane): number => board.shared.frontend.connections[0]!
  const limited = (passthrough: boolean) =>
    bothWays({ tls: { maxHandshakes: 1, ...(passthrough ? {} : { passthrough: [] }) } })

  test.each([
    ['unread', false],
    ['after its hello was read', true],
  ])('the next one waits, %s, and one more is reset', async (_, passthrough) => {
    const { plane, port } = await limited(passthrough)
    const first = await dial(port)
    first.write(await helloOfNode({ servername: 'web.test' }))
    await eventually('the answer to the first', () => first.received.length > 0)
    let isDone = false
    const second = secureClient(port, 'web.test').then((client) => {
      isDone = true
      return client
    })
    await eventually('the second', () => open(plane) === 2)
    await expect(secureClient(port, 'web.test')).rejects.toThrow()
    expect([isDone, reasonCount(plane, 'handshakes_full')]).toEqual([false, 1])
    first.socket.destroy()
    await (await second).write(get()).until('from the web')
  })

  test('one that waits holds up nobody who passes through', async () => {
    const { plane, port } = await limited(true)
    const first = await dial(port)
    first.write(await helloOfNode({ servername: 'web.test' }))
    await eventually('the answer to the first', () => first.received.length > 0)
    const client = await secureClient(port, SERVER_NAME)
    await client.write(get()).until('from behind')
    expect(open(plane)).toBe(2)
  })

  test('those that wait can be ended, and begin when a reload lifts the limit', async () => {
    const { plane, port, wish } = await limited(false)
    const first = await dial(port)
    await eventually('the first', () => open(plane) === 1)
    const waiting = await dial(port)
    await eventually('the second', () => open(plane) === 2)
    connections(plane, true)
    await Promise.all([first.over(), waiting.over()])
    await eventually('nothing left', () => leftovers(plane) === '')

    const again = await dial(port)
    await eventually('the first again', () => open(plane) === 1)
    const client = secureClient(port, 'web.test')
    await eventually('the second again', () => open(plane) === 2)
    const bind = wish.frontends![0]!.binds![0]!
    const lifted = { ...wish.frontends![0]!, binds: [{ ...bind, tls: { ...bind.tls!, maxHandshakes: 0 } }] }
    const snapshot = snapshotOf({ ...wish, frontends: [lifted] })
    await plane.plane.apply({ type: 'apply', snapshot, tables: {}, sessions: {}, ports: plane.ports })
    await (await client).write(get()).until('from the web')
    again.socket.destroy()
  })
})
