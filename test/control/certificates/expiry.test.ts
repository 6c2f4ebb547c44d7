// Which certificates end first, and what is said of them, and how often.
import { expect, onTestFinished, test } from 'vitest'
import { ExpiryWatch, stepAt } from '../../../src/control/certificates/expiry.ts'
import type { HeldCertificate } from '../../../src/control/certificates/types.ts'
import { memoryLog } from '../health/fixtures.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2030, 0, 1)

const held = (name: string, days: number, more: Partial<HeldCertificate> = {}): HeldCertificate => ({
  name,
  kind: 'store',
  spec: { id: `id of ${name}`, cert: '', key: '', names: [], keyType: 'ec' },
  notBefore: NOW + (days - 90) * DAY,
  notAfter: NOW + days * DAY,
  ...more,
})

function watch() {
  const { log, lines } = memoryLog()
  const expiry = new ExpiryWatch(log)
  onTestFinished(() => expiry.close())
  return { expiry, said: () => lines.splice(0).map(({ level, message }) => `${String(level)}: ${String(message)}`) }
}

test('the step is the last that is reached', () => {
  expect([40, 30, 29, 14, 8, 7, 2.5, 1, 0.5, 0, -3].map((days) => stepAt(days * DAY))).toEqual([
    null,
    null,
    null,
    14,
    14,
    7,
    3,
    1,
    1,
    0,
    0,
  ])
})

test('each step is said once, ever more urgently', async () => {
  const { expiry, said } = watch()
  expiry.follow([held('a', 15), held('b', 400)])
  await expiry.look(NOW)
  expect(said()).toEqual([])
  await expiry.look(NOW + 2 * DAY)
  await expiry.look(NOW + 3 * DAY)
  expect(said()).toEqual(['info: certificate a expires in 13 days'])
  await expiry.look(NOW + 9 * DAY)
  expect(said()).toEqual(['warn: certificate a expires in 6 days'])
  await expiry.look(NOW + 14.5 * DAY)
  expect(said()).toEqual(['warn: certificate a expires in 12 hours'])
  await expiry.look(NOW + 16 * DAY)
  await expiry.look(NOW + 17 * DAY)
  expect(said()).toEqual(['error: certificate a has expired, and is still served'])
  expiry.follow([held('a2', 300), held('b', 400)])
  await expiry.look(NOW + 17 * DAY)
  expect(said()).toEqual([])
})

test('one that renews itself is spoken of only when it should have done so long ago', async () => {
  const { expiry, said } = watch()
  const week = { kind: 'acme', notBefore: NOW - 3 * DAY } as const
  expiry.follow([held('six days', 3, week), held('ninety', 14, { kind: 'acme' }), held('late', 10, { kind: 'acme' })])
  await expiry.look(NOW)
  expect(said()).toEqual(['info: certificate late expires in 10 days'])
})

test('of thousands those that end first come first; placeholders do not count', async () => {
  const { expiry } = watch()
  const many = Array.from({ length: 2500 }, (_, i) => held(`c${i}`, 100 + ((i * 7919) % 2500)))
  expiry.follow([...many, held('placeholder', 1, { kind: 'placeholder' })])
  await expiry.look(NOW)
  expect(expiry.size).toBe(2500)
  const ends = expiry.first(100).map(({ notAfter }) => (notAfter - NOW) / DAY)
  expect(ends).toEqual(Array.from({ length: 100 }, (_, i) => 100 + i))
})
