// Load shedding on real connections: those of a tcp frontend are shed as a whole, those of an http frontend are not.
import { expect, test } from 'vitest'
import type { FrontendWish } from '../support/data-plane.ts'
import { answering, dial, dialInVain, get, reasonCount, startPlane, startServer } from '../support/peers.ts'
import { noOverload, openFrontend } from '../support/specs.ts'

async function start(frontend: FrontendWish) {
  const server = await startServer(answering('fine'))
  const mode = frontend.mode ?? 'http'
  const plane = await startPlane({
    frontends: [frontend],
    backends: [{ mode, servers: [server.port] }],
    snapshot: { overload: { ...noOverload, memory: 90 } },
  })
  const { shedding } = plane.board.shared.process
  return { plane, server, shedAll: (yes: boolean) => void Atomics.store(shedding, 0, yes ? 100 : 0) }
}

test('new connections of a tcp frontend are shed, and those that are there go on', async () => {
  const { plane, server, shedAll } = await start({ mode: 'tcp' })
  const before = await dial(plane.port)
  await before.write(get()).until('fine')
  shedAll(true)
  await dialInVain(plane.port)
  await dialInVain(plane.port)
  expect(reasonCount(plane, 'overloaded')).toBe(2)
  expect(server.sockets.length).toBe(1)
  await before.forget().write(get()).until('fine')
  shedAll(false)
  await (await dial(plane.port)).write(get()).until('fine')
})

test('connections from an exempt network are not shed', async () => {
  const clients = { ...openFrontend.clients, exempt: ['127.0.0.0/8'], connections: 100 }
  const { plane, shedAll } = await start({ mode: 'tcp', clients })
  shedAll(true)
  await (await dial(plane.port)).write(get()).until('fine')
})

test('over http a connection outlives the requests that are shed on it', async () => {
  const { plane, shedAll } = await start({})
  const client = await dial(plane.port)
  shedAll(true)
  await client.write(get()).until('overloaded')
  expect(client.text).toContain('Retry-After: 1\r\n')
  shedAll(false)
  await client.forget().write(get()).until('fine')
})
