// The ways in for operators, at the start and when a reload moves them: over real sockets, with a Weir behind them that is not there.
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Baseline } from '../../../src/control/admin/baseline.ts'
import { Doors, type DoorsOptions } from '../../../src/control/lifecycle/doors.ts'
import { deadPort } from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { memoryLog, until } from '../health/fixtures.ts'
import { fakeReloader, fakeRuntime, goodOutcome } from '../runtime/fake.ts'

type Places = DoorsOptions['places']

const off: Places = { admin: null, controlSocket: null, haproxySocket: null, controlGroup: null }
const adminAt = (port: number, byDefault = false): Places['admin'] => ({ host: '127.0.0.1', port, byDefault })
/** What any user may give a file to. */
const ownGroup = process.getgid!()

function doorsAt(places: Places, runtime = fakeRuntime()) {
  const { log, lines } = memoryLog()
  const doors = new Doors({ places, runtime, baseline: new Baseline(), log })
  onTestFinished(() => doors.close())
  return { doors, messages: () => lines.map(({ message }) => String(message)) }
}

/** @returns the status of the answer; the system's code when nobody listens there */
function ask(where: { port: number } | { socketPath: string }, path: string): Promise<number | string> {
  return new Promise((resolve) => {
    const method = path === '/v1/reload' ? 'POST' : 'GET'
    const asked = request({ host: '127.0.0.1', ...where, path, method, agent: false })
    asked.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode!)))
    asked.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code!)).end()
  })
}

const modeOf = (path: string): number => statSync(path).mode & 0o777

/** A port that somebody else has. */
async function takenPort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  onTestFinished(() => void holder.close())
  return (holder.address() as AddressInfo).port
}

/** Two places for each door, in a folder of the test's own. */
async function twoPlaces(): Promise<{
  before: Places
  after: Places
  controls: [string, string]
  dialects: [string, string]
}> {
  const where = folder()
  const [first, second] = [await deadPort(), await deadPort()]
  const controls: [string, string] = [join(where, 'a.sock'), join(where, 'b.sock')]
  const dialects: [string, string] = [join(where, 'c.sock'), join(where, 'd.sock')]
  return {
    before: { ...off, admin: adminAt(first), controlSocket: controls[0], haproxySocket: dialects[0] },
    after: { ...off, admin: adminAt(second), controlSocket: controls[1], haproxySocket: dialects[1] },
    controls,
    dialects,
  }
}

test('doors move: the new ones are open before the old ones are let go', async () => {
  const { before, after, controls, dialects } = await twoPlaces()
  const { doors, messages } = doorsAt(before)
  expect(await doors.open()).toEqual([])
  const both = [before.admin!, after.admin!]
  const livez = () => Promise.all(both.map(({ port }) => ask({ port }, '/livez')))
  const status = () => Promise.all(controls.map((socketPath) => ask({ socketPath }, '/v1/status')))

  const ready = await doors.prepare(after)
  expect([await livez(), await status(), dialects.map((path) => existsSync(path))]).toEqual([
    [200, 200],
    [200, 200],
    [true, true],
  ])
  ready.commit()
  expect([await livez(), await status(), dialects.map((path) => existsSync(path))]).toEqual([
    ['ECONNREFUSED', 200],
    ['ENOENT', 200],
    [false, true],
  ])
  expect([doors.admin!.port, doors.control!.path]).toEqual([after.admin!.port, controls[1]])
  expect(messages()).toEqual([`admin on 127.0.0.1:${after.admin!.port}`, `control socket ${controls[1]}`])
})

test('whoever is in when the doors move has his answer, and may stay', async () => {
  const { before, after, controls, dialects } = await twoPlaces()
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const reload = async () => {
    asked.resolve()
    await answer.promise
    return goodOutcome
  }
  const { doors } = doorsAt(before, fakeRuntime({ reloader: fakeReloader({ reload }) }))
  await doors.open()
  const prompt = connect(dialects[0])
  onTestFinished(() => void prompt.destroy())
  let heard = ''
  prompt.setEncoding('utf8').on('data', (text: string) => (heard += text))
  prompt.write('prompt\n')
  await until(() => heard === '\n> ')

  const outcome = ask({ socketPath: controls[0] }, '/v1/reload')
  await asked.promise
  const ready = await doors.prepare(after)
  ready.commit()
  answer.resolve()
  expect(await outcome).toBe(200)
  prompt.write('show info\n')
  await until(() => heard.includes('Name: '))
})

test('closing the doors ends those who had stayed behind one that has moved', async () => {
  const { before, after, dialects } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  const prompt = connect(dialects[0])
  await once(prompt, 'connect')
  prompt.write('prompt\n')
  await once(prompt, 'data')
  const ready = await doors.prepare(after)
  ready.commit()
  const ended = once(
    prompt.on('error', () => {}),
    'close',
  )
  await doors.close()
  await ended
  expect(doors.control).toBe(null)
})

test('what is abandoned is closed, and nothing has changed', async () => {
  const { before, after, controls, dialects } = await twoPlaces()
  const { doors, messages } = doorsAt({ ...before, controlGroup: null })
  await doors.open()
  const ready = await doors.prepare({ ...after, controlSocket: controls[0], controlGroup: ownGroup })
  expect(modeOf(controls[0])).toBe(0o660)
  await ready.abandon()
  expect([await ask(after.admin!, '/livez'), existsSync(dialects[1]), modeOf(controls[0])]).toEqual([
    'ECONNREFUSED',
    false,
    0o600,
  ])
  expect([await ask(before.admin!, '/livez'), await ask({ socketPath: controls[0] }, '/v1/status')]).toEqual([200, 200])
  expect(messages()).toEqual([])
})

test('one door that cannot be had keeps all of them where they are, and every reason is told', async () => {
  const { before, after, controls, dialects } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  const taken = await takenPort()
  writeFileSync(dialects[1], 'precious')
  const wanted = { ...after, admin: adminAt(taken) }
  await expect(doors.prepare(wanted)).rejects.toThrow(
    `cannot listen on 127.0.0.1:${taken} (global.admin): the port is taken by another process (EADDRINUSE); ` +
      `cannot open the socket for HAProxy's commands: ${dialects[1]} exists and is not a socket`,
  )
  expect(existsSync(controls[1])).toBe(false)
  expect([await ask(before.admin!, '/livez'), await ask({ socketPath: controls[0] }, '/v1/status')]).toEqual([200, 200])
  expect([doors.admin!.port, doors.control!.path]).toEqual([before.admin!.port, controls[0]])
})

test('sockets for a group that does not exist are not left behind', async () => {
  const { before, after, controls, dialects } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  await expect(doors.prepare({ ...after, controlGroup: 'no-such-group' })).rejects.toThrow(
    'cannot open the control socket: there is no group no-such-group; ' +
      "cannot open the socket for HAProxy's commands: there is no group no-such-group",
  )
  expect([await ask(after.admin!, '/livez'), existsSync(controls[1]), existsSync(dialects[1])]).toEqual([
    'ECONNREFUSED',
    false,
    false,
  ])
})

test('a door whose place is the same is not touched while others come and go', async () => {
  const { before, controls, dialects } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  const { ino } = statSync(controls[0])
  const move = async (places: Places): Promise<void> => (await doors.prepare(places)).commit()
  await move({ ...before, haproxySocket: null, admin: null })
  expect([existsSync(dialects[0]), await ask(before.admin!, '/livez'), statSync(controls[0]).ino]).toEqual([
    false,
    'ECONNREFUSED',
    ino,
  ])
  await move(before)
  expect([existsSync(dialects[0]), await ask(before.admin!, '/livez'), statSync(controls[0]).ino]).toEqual([
    true,
    200,
    ino,
  ])
})

test('the group of sockets that stay changes in place; one that is not there is refused', async () => {
  const { before, controls, dialects } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  const modes = (): number[] => [modeOf(controls[0]), modeOf(dialects[0])]
  const group = (controlGroup: Places['controlGroup']) => doors.prepare({ ...before, controlGroup })
  expect(modes()).toEqual([0o600, 0o600])
  const shared = await group(ownGroup)
  shared.commit()
  expect([modes(), statSync(controls[0]).gid]).toEqual([[0o660, 0o660], ownGroup])
  await expect(group('no-such-group')).rejects.toThrow(
    `cannot share ${controls[0]} (global.control_group): there is no group no-such-group`,
  )
  expect(modes()).toEqual([0o660, 0o660])
  const alone = await group(null)
  alone.commit()
  expect(modes()).toEqual([0o600, 0o600])
})

test('what is there by default may be missing at the start, but is not given up for one that cannot be had', async () => {
  const taken = await takenPort()
  const { doors, messages } = doorsAt({ ...off, admin: adminAt(taken, true) })
  expect(await doors.open()).toEqual([])
  expect(doors.admin).toBe(null)
  expect(messages()).toEqual([expect.stringMatching(/taken by another process.*; there will be no metrics/)])

  await expect(doors.prepare({ ...off, admin: adminAt(taken) })).rejects.toThrow(/global\.admin/)
  const free = adminAt(await deadPort())
  const found = await doors.prepare({ ...off, admin: free })
  found.commit()
  await expect(doors.prepare({ ...off, admin: adminAt(taken, true) })).rejects.toThrow(/global\.admin/)
  expect(await ask(free!, '/livez')).toBe(200)
})

test('doors that were given up to another process do not open again', async () => {
  const { before, after, controls } = await twoPlaces()
  const { doors } = doorsAt(before)
  await doors.open()
  const ready = await doors.prepare(after)
  await doors.close()
  await expect(doors.prepare(after)).rejects.toThrow(/given/)
  ready.commit() // it was under way when the doors were closed
  await until(() => !existsSync(controls[1]))
  expect([await ask(before.admin!, '/livez'), await ask(after.admin!, '/livez')]).toEqual([
    'ECONNREFUSED',
    'ECONNREFUSED',
  ])
})
