// Frontends that keep what clients say of their certificates from servers: all whose servers are told of clients at all.
import { expect, test } from 'vitest'
import { guardIdentity } from '../../src/control/identity-guard.ts'
import type { IdentityFields } from '../../src/messages/tls.ts'
import { ms } from '../../src/model/units.ts'
import { snapshotOf, type BackendWish, type BindWish, type FrontendWish } from '../support/data-plane.ts'
import { clientAuthSpec } from '../support/tls.ts'

const secure = (fields: IdentityFields | null, backend = -1): BindWish => ({
  tls: { certificates: [], clientAuth: clientAuthSpec('', { fields }) },
  backend,
})
const breaker = (fallback: number): Partial<BackendWish> => ({
  breaker: {
    errorRatio: 50,
    minRequests: 1,
    window: ms(1),
    open: ms(1),
    trials: 1,
    fallback,
    answer: null,
  },
})

/** @returns the frontends that guard, by index */
function guarding(
  frontends: readonly FrontendWish[],
  backends: readonly Partial<BackendWish>[] = [{}, {}, {}],
): number[] {
  const snapshot = snapshotOf({ frontends, backends: backends.map((more) => ({ servers: [1], ...more })) })
  const guarded = guardIdentity(snapshot.frontends, snapshot.backends)
  return [...guarded.keys()].filter((i) => guarded[i]!.guardsIdentity)
}
const plain = (backend: number): FrontendWish => ({ binds: [{}], backend })

test('none where no servers are told', () => {
  expect(guarding([{ binds: [secure(null)] }, plain(0)])).toEqual([])
})

test('one that tells them, and every other that leads to the same backend', () => {
  expect(guarding([{ binds: [{}, secure('x-ssl')] }, plain(0), plain(1)])).toEqual([0, 1])
})

test('by routes, by binds with a backend of their own, and by the backend that stands in for another', () => {
  const routes = [{ host: null, path: '/b', backend: 1, priority: null }]
  expect(guarding([{ binds: [secure('x-ssl')] }, { ...plain(2), routes }, plain(1)])).toEqual([0])
  expect(guarding([{ binds: [secure('x-ssl')], routes }, plain(2), plain(1)])).toEqual([0, 2])
  expect(guarding([{ binds: [secure('x-ssl', 2)] }, plain(2), plain(1)])).toEqual([0, 1])
  expect(guarding([{ binds: [secure('x-ssl')] }, plain(2), plain(1)], [breaker(1), breaker(2), {}])).toEqual([0, 1, 2])
})

test('frontends that lead nowhere have nothing in common', () => {
  expect(guarding([{ binds: [secure('x-ssl')], backend: -1 }, plain(-1)])).toEqual([])
})
