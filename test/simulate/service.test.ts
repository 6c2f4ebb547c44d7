import { expect, test } from 'vitest'
import { Service } from '../../src/simulate/service.ts'
import type { SimulatedServer } from '../../src/simulate/types.ts'

const server = (more: Partial<SimulatedServer>): Service =>
  new Service({ name: 's', weight: 1, tier: 0, zone: null, cores: 1, speed: 1, discipline: 'ps', ...more })

/** Takes out all that finish, as [request, time]. */
function drain(service: Service): [number, number][] {
  const finished: [number, number][] = []
  while (service.due < Infinity) {
    const time = service.due
    finished.push([service.finish(), Math.round(time * 1000) / 1000])
  }
  return finished
}

test('one core shared by two: each takes twice as long while the other is there', () => {
  const service = server({})
  service.join(1, 10, 0)
  service.join(2, 2, 0)
  expect(drain(service)).toEqual([
    [2, 4],
    [1, 12],
  ]) // 2 ms of work done in 4, then the 8 that are left
})

test('with as many cores as requests nobody waits', () => {
  const service = server({ cores: 2 })
  service.join(1, 10, 0)
  service.join(2, 2, 3)
  expect(drain(service)).toEqual([
    [2, 5],
    [1, 10],
  ])
})

test('in order of arrival one is served at a time', () => {
  const service = server({ discipline: 'fifo' })
  service.join(1, 10, 0)
  service.join(2, 2, 1)
  service.join(3, 1, 2)
  expect(drain(service)).toEqual([
    [1, 10],
    [2, 12],
    [3, 13],
  ])
})

test('two cores take the next in line as they become free', () => {
  const service = server({ discipline: 'fifo', cores: 2 })
  service.join(1, 10, 0)
  service.join(2, 4, 0)
  service.join(3, 4, 0)
  expect(drain(service)).toEqual([
    [2, 4],
    [3, 8],
    [1, 10],
  ])
})

test('a change of speed counts from that moment on, and at speed zero nothing is due', () => {
  const service = server({ speed: 2 })
  service.join(1, 10, 0)
  service.setSpeed(1, 2) // 6 ms of work are left
  expect(service.due).toBe(8)
  service.setSpeed(0, 4)
  expect(service.due).toBe(Infinity)
  service.setSpeed(0.5, 100)
  expect(drain(service)).toEqual([[1, 108]])
})

test('many requests, joining at many moments, do their work and no more', () => {
  for (const discipline of ['ps', 'fifo'] as const) {
    const service = server({ discipline, cores: 3 })
    let now = 0
    let work = 0
    let finished = 0
    for (let i = 0; i < 1000; i++) {
      now += (i * 7) % 5
      while (service.due <= now) {
        service.finish()
        finished++
      }
      service.join(i, 1 + ((i * 13) % 11), now)
      work += 1 + ((i * 13) % 11)
    }
    const rest = drain(service)
    expect(finished + rest.length).toBe(1000)
    expect(rest.at(-1)![1]).toBeGreaterThanOrEqual(work / 3)
    expect(rest.at(-1)![1]).toBeLessThan(work / 3 + 20)
  }
})
