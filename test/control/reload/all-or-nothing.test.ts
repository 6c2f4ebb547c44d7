// A change in two steps: in which order its parts are made ready, carried out and taken back.
import { expect, test } from 'vitest'
import { allOrNothing, type Readied } from '../../../src/control/reload/all-or-nothing.ts'

/** Parts that write down what becomes of them. @param bad one that can't be made ready */
function stage(bad = '') {
  const steps: string[] = []
  const part = (name: string) => async (): Promise<Readied> => {
    steps.push(`ready ${name}`)
    if (name === bad) throw new Error(`no ${name}`)
    return {
      commit: () => void steps.push(`commit ${name}`),
      abandon: async () => void steps.push(`abandon ${name}`),
    }
  }
  const main = (answer: string | null) => async () => (steps.push('main'), answer)
  return { steps, parts: [part('a'), part('b')], main }
}

test('all parts are ready before anything is carried out, and go over behind it', async () => {
  const { steps, parts, main } = stage()
  expect(await allOrNothing(parts, main(null))).toBe(null)
  expect(steps).toEqual(['ready a', 'ready b', 'main', 'commit a', 'commit b'])
})

test('a part that cannot be made ready takes back those before it, and nothing is carried out', async () => {
  const { steps, parts, main } = stage('b')
  expect(await allOrNothing(parts, main(null))).toBe('no b')
  expect(steps).toEqual(['ready a', 'ready b', 'abandon a'])
})

test('what cannot be carried out takes all parts back', async () => {
  const { steps, parts, main } = stage()
  expect(await allOrNothing(parts, main('no room'))).toBe('no room')
  expect(steps).toEqual(['ready a', 'ready b', 'main', 'abandon b', 'abandon a'])
})

test('a fault on the way takes all parts back, and is thrown on', async () => {
  const { steps, parts } = stage()
  const fault = allOrNothing(parts, () => Promise.reject(new Error('fault')))
  await expect(fault).rejects.toThrow('fault')
  expect(steps).toEqual(['ready a', 'ready b', 'abandon b', 'abandon a'])
})
