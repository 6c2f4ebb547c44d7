// Keys of session tickets: how they take turns, and how a file of them is read.
import { randomBytes } from 'node:crypto'
import { renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readTicketKeys } from '../../../src/config/secrets.ts'
import { TicketKeyring } from '../../../src/control/certificates/ticket-keys.ts'
import type { TicketKeys } from '../../../src/messages/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { files } from '../../support/programs.ts'
import { memoryLog, until } from '../health/fixtures.ts'

const hour = ms(3_600_000)
const line = (): string => randomBytes(48).toString('base64')
const inBase64 = (keys: TicketKeys): string[] => keys.map((key) => Buffer.from(key).toString('base64'))

function ringOf(file: string | null) {
  const { log, lines } = memoryLog()
  const ring = new TicketKeyring({ config: { file, rotation: hour }, log })
  onTestFinished(() => ring.close())
  return { ring, lines }
}

test('a key is known to all a step before it makes tickets, and is taken for two steps after', () => {
  const { ring } = ringOf(null)
  const told: string[][] = [inBase64(ring.keys)]
  ring.start((keys) => told.push(inBase64(keys)))
  for (let step = 0; step < 6; step++) ring.rotate()
  for (const [step, keys] of told.entries()) {
    const [current, next, ...old] = keys
    expect(new Set(keys).size).toBe(keys.length)
    expect(told[step + 1]?.[0] ?? next).toBe(next)
    expect(old).toEqual([told[step - 1]?.[0], told[step - 2]?.[0]].filter((key) => key !== undefined))
    // A worker that is a step behind can read what this one makes, and the other way round.
    if (step > 0) expect(told[step - 1]).toContain(current)
    if (step > 0) expect(keys).toContain(told[step - 1]![0])
  }
  expect(told).toHaveLength(7)
})

test('keys change by themselves with the time, and no more once it is closed', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { ring } = ringOf(null)
  const told: string[] = []
  ring.start((keys) => told.push(inBase64(keys)[0]!))
  vi.advanceTimersByTime(3.5 * hour)
  expect(new Set(told).size).toBe(3)
  ring.close()
  vi.advanceTimersByTime(3 * hour)
  expect(told).toHaveLength(3)
})

test('a file has a line for each key, and what is wrong with one is said without a word of it', () => {
  const [one, two] = [line(), line()]
  const read = readTicketKeys(`# shared by the farm\n\n${one}\r\n  ${two}\n`)
  expect(inBase64(read as TicketKeys)).toEqual([one, two])
  expect(readTicketKeys('')).toBe('there is no key in it')
  expect(readTicketKeys(`${one}\nno key\n`)).toBe('line 2 is not base64')
  expect(readTicketKeys(randomBytes(80).toString('base64'))).toBe('line 1 has 80 bytes, not 48')
  expect(readTicketKeys(`${one}\n${one}`)).toBe('line 2 is there twice')
  expect(readTicketKeys(Array.from({ length: 17 }, line).join('\n'))).toContain('16 at most')
})

test('a file that changes is read anew; one that is bad, or gone, leaves the keys of before, and says why once', async () => {
  const [one, two] = [line(), line()]
  const { keys: path, fresh } = files({ keys: one, fresh: `${two}\n${one}` })
  const { ring, lines } = ringOf(path)
  expect(inBase64(ring.keys)).toEqual([one])
  const told: string[][] = []
  ring.start((keys) => told.push(inBase64(keys)))
  await ring.look()
  expect(told).toEqual([])
  renameSync(fresh, path)
  await ring.look()
  expect(told).toEqual([[two, one]])

  writeFileSync(path, `${two}!`)
  await ring.look()
  await ring.look()
  unlinkSync(path)
  await ring.look()
  await ring.look()
  writeFileSync(path, 'x'.repeat(70_000))
  await ring.look()
  expect(inBase64(ring.keys)).toEqual([two, one])
  expect(told).toHaveLength(1)
  expect(lines.map(({ level, message }) => [level, String(message).split(': ')[1] ?? ''])).toEqual([
    ['info', ''],
    ['info', ''],
    ['error', 'line 1 is not base64; the keys of before stay'],
    ['error', expect.stringContaining('ENOENT')],
    ['error', expect.stringContaining('larger than 64 KiB')],
  ])
  const log = JSON.stringify(lines)
  for (const key of [one, two]) expect(log.includes(key) || log.includes(key.slice(0, 16))).toBe(false)
})

test('Weir starts with a bad file, on keys of its own, and takes the file once it is good', async () => {
  const { keys: path } = files({ keys: 'nonsense' })
  const { ring, lines } = ringOf(path)
  expect(ring.keys.every((key) => key.length === 48)).toBe(true)
  expect(lines).toMatchObject([{ level: 'error', message: expect.stringContaining('keys made here are used') }])
  const told: string[][] = []
  ring.start((keys) => told.push(inBase64(keys)))
  const good = line()
  writeFileSync(path, good)
  await until(() => told.length > 0) // by its own timer
  expect(told).toEqual([[good]])
})

test('a reload goes from keys made here to a file and back, and old tickets are still taken on the way back', () => {
  const { keys: path } = files({ keys: line() })
  const { ring } = ringOf(null)
  const told: string[][] = []
  ring.start((keys) => told.push(inBase64(keys)))
  ring.follow({ file: null, rotation: hour })
  expect(told).toEqual([])
  ring.follow({ file: path, rotation: hour })
  expect(told).toHaveLength(1)
  ring.follow({ file: null, rotation: hour })
  expect(told[1]).toHaveLength(3)
  expect(told[1]![2]).toBe(told[0]![0])
})

describe('a process that takes over from another', () => {
  test('goes on with its keys, and the next one has its turn when it would have had it', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const [{ ring: old }, { ring }] = [ringOf(null), ringOf(null)]
    old.start(() => {})
    vi.advanceTimersByTime(2.75 * hour)
    const told: string[][] = []
    ring.start((keys) => told.push(inBase64(keys)))
    expect(ring.inherit(old.state)).toBe(true)
    expect(told).toEqual([inBase64(old.keys)])
    vi.advanceTimersByTime(0.2 * hour)
    expect(told).toHaveLength(1)
    vi.advanceTimersByTime(0.1 * hour)
    expect(told).toHaveLength(2)
    const [first, , third] = inBase64(old.keys)
    expect(told[1]!.slice(0, 3)).toEqual([first, expect.anything(), third]) // the old one has turned too, to the same
    vi.advanceTimersByTime(hour)
    expect(told).toHaveLength(3)
  })

  test('by the keys of a file, when it reads one itself', () => {
    const { keys: path } = files({ keys: line() })
    const [{ ring: old }, { ring }] = [ringOf(null), ringOf(path)]
    const own = inBase64(ring.keys)
    expect(ring.inherit(old.state)).toBe(false)
    expect(inBase64(ring.keys)).toEqual(own)
  })

  test('takes tickets of the keys of a file, but makes none with them when it has no file', () => {
    const shared = line()
    const { keys: path } = files({ keys: shared })
    const [{ ring: old }, { ring }] = [ringOf(path), ringOf(null)]
    expect(ring.inherit(old.state)).toBe(true)
    expect(inBase64(ring.keys).indexOf(shared)).toBe(2)
  })

  test('has the keys of the file of before while the file is not there', () => {
    const { keys: path } = files({ keys: line() })
    const [{ ring: old }, { ring }] = [ringOf(path), ringOf('/nowhere/keys')]
    expect(ring.inherit(old.state)).toBe(true)
    expect(inBase64(ring.keys)).toEqual(inBase64(old.keys))
  })

  test('keeps its own when what it is given are no keys', () => {
    const { ring } = ringOf(null)
    const own = ring.keys
    for (const keys of [[], [randomBytes(48), randomBytes(80)]]) {
      expect(ring.inherit({ keys, shared: false, age: 0 })).toBe(false)
    }
    expect(ring.keys).toBe(own)
  })
})
