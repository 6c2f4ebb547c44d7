// What workers are told, and when: only what has changed, and never so that a bind is without what it serves.
import { expect, test } from 'vitest'
import type { CertificatesChange } from '../../../src/messages/tls.ts'
import { configOf, held, open, store, type Worker } from './fixtures.ts'

const [web, other] = ['web/127.0.0.1:443', 'web/127.0.0.1:8443']

const changes = (worker: Worker): readonly CertificatesChange[] =>
  worker.told.flatMap((message) => (message.type === 'certificates' ? [message.change] : []))

async function withThree() {
  const world = await open(configOf([store('a')], [store('b')]), null)
  const [a, b, c] = [
    await held('a', { names: ['a.test'] }),
    await held('b', { names: ['b.test'] }),
    await held('c', { names: ['c.test'] }),
  ]
  world.keeper.supplyAll([
    [store('a'), [a]],
    [store('b'), [b]],
    [store('c'), [c]],
  ])
  world.worker.told.length = 0
  return { ...world, a, b, c }
}

test('a certificate that no bind names is not sent', async () => {
  const { worker, c, keeper } = await withThree()
  expect(keeper.workerTls.certificates.added.map(({ id }) => id)).not.toContain(c.spec.id)
  expect(worker.told).toEqual([])
})

test('the same again is not told', async () => {
  const { worker, keeper, a } = await withThree()
  keeper.supply(store('a'), [{ ...a }])
  keeper.setUses(new Map())
  keeper.settle(keeper.config)
  expect(worker.told).toEqual([])
})

test('a bind that did not change is not named, and one certificate on two binds is sent once', async () => {
  const { worker, keeper, c } = await withThree()
  keeper.supply(store('a'), [c])
  expect(changes(worker)).toMatchObject([{ added: [{ id: c.spec.id }], binds: { [web]: { ids: [c.spec.id] } } }])
  expect(Object.keys(changes(worker)[0]!.binds)).toEqual([web])
  keeper.supply(store('b'), [c])
  expect(changes(worker)[1]).toMatchObject({ added: [], binds: { [other]: { ids: [c.spec.id] } } })
})

test('a reload sends what is new first and takes away last; what comes in between takes nothing away', async () => {
  const { worker, keeper, a, b, c } = await withThree()
  const next = configOf([store('a')], [store('c')])
  keeper.follow(next)
  expect(changes(worker)).toMatchObject([
    { added: [{ id: c.spec.id }], removed: [], binds: { [other]: { ids: [c.spec.id] } } },
  ])
  keeper.supply(store('a'), [await held('a', { names: ['new.test'] })])
  expect(changes(worker)[1]!.removed).toEqual([a.spec.id])
  expect([worker.serves(web), worker.serves(other)]).toEqual([['new.test'], ['c.test']])
  keeper.settle(next)
  expect(changes(worker)[2]).toMatchObject({ added: [], removed: [b.spec.id], binds: {} })
})

test('a reload that is not taken leaves what was', async () => {
  const { worker, keeper, c } = await withThree()
  const before = keeper.config
  keeper.follow(configOf([store('c')], [store('b')]))
  keeper.settle(before)
  expect(worker.serves(web)).toEqual(['a.test'])
  expect(changes(worker).at(-1)!.removed).toEqual([c.spec.id])
})

test('a worker that starts now has what the others have', async () => {
  const { worker, keeper, a, c } = await withThree()
  keeper.setUses(new Map([[web, 'c']]))
  keeper.staple(a.spec.id, Buffer.from('ocsp'))
  keeper.setCanary('b', { certificate: c, share: 0.1 })
  const fresh = structuredClone(keeper.workerTls.certificates)
  expect(fresh.binds[web]!.ids).toEqual([c.spec.id, a.spec.id])
  expect(fresh.binds[other]).toMatchObject({ canary: { id: c.spec.id, share: 0.1 } })
  expect(fresh.staples).toEqual({ [a.spec.id]: new Uint8Array(Buffer.from('ocsp')) })
  expect(worker.table!.of(other).canary).toEqual(fresh.binds[other]!.canary)
})

test('what is stapled to a certificate goes with it', async () => {
  const { keeper, a, c } = await withThree()
  keeper.staple(a.spec.id, Buffer.from('ocsp'))
  keeper.supply(store('a'), [c])
  keeper.supply(store('a'), [a])
  expect(keeper.workerTls.certificates.staples).toEqual({})
})

test('who listens is told when binds serve something else, and only then', async () => {
  const { keeper, a, c } = await withThree()
  let times = 0
  const stop = keeper.onServed(() => times++)
  keeper.staple(a.spec.id, Buffer.from('ocsp'))
  keeper.supply(store('c'), [{ ...c }])
  expect(times).toBe(0)
  keeper.supply(store('a'), [c])
  expect(times).toBe(1)
  stop()
  keeper.supply(store('a'), [a])
  expect(times).toBe(1)
})

test('of ten thousand certificates, a change of one is one that is sent', async () => {
  const { keeper, worker } = await withThree()
  const folder = { kind: 'folder', path: '/certificates' } as const
  const one = await held('x', { names: ['x.test'] })
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    ...one,
    spec: { ...one.spec, id: `id ${i}`, names: [`${i}.test`] },
  }))
  keeper.supply(folder, many)
  keeper.settle(configOf([folder], [store('b')]))
  worker.told.length = 0
  keeper.supply(folder, [...many.slice(0, 5000), one, ...many.slice(5001)])
  expect(changes(worker)).toMatchObject([{ added: [{ id: one.spec.id }], removed: ['id 5000'] }])
  expect(changes(worker)[0]!.binds[web]!.ids).toHaveLength(10_000)
})
