// What-if questions: the farm with a server less or more, and scenarios laid over other farms.
import { describe, expect, test } from 'vitest'
import { plainRules } from '../../src/balance/pool.ts'
import { equalServers } from '../../src/simulate/scenarios.ts'
import type { Fault } from '../../src/simulate/types.ts'
import { add, capacities, fitted, remove, withCores, type Farm } from '../../src/simulate/what-if.ts'

const slow = (...servers: number[]): Fault => ({ kind: 'speed', servers, speed: 0.5, from: 0, to: Infinity })
const farm: Farm = { servers: equalServers(4), faults: [slow(1), slow(2, 3)] }
const namesOf = ({ servers }: Farm): string[] => servers.map(({ name }) => name)

describe('a server less', () => {
  test('takes its faults with it, and the others keep theirs', () => {
    const less = remove(farm, 'server-2')!
    expect(namesOf(less)).toEqual(['server-1', 'server-3', 'server-4'])
    expect(less.faults).toEqual([slow(1, 2)])
  })

  test('must be there', () => expect(remove(farm, 'server-9')).toBe(null))
})

describe('a server more', () => {
  test('is like the last, at full speed, and nothing happens to it', () => {
    const last = { ...farm.servers[3]!, weight: 5, cores: 2, speed: 0.5 }
    const more = add({ ...farm, servers: [...farm.servers.slice(0, 3), last] }, 'extra')!
    expect(more.servers[4]).toEqual({ ...last, name: 'extra', speed: 1 })
    expect(more.faults).toBe(farm.faults)
  })

  test('needs a name of its own', () => expect(add(farm, 'server-1')).toBe(null))
})

test('all servers get the same cores', () => {
  expect(withCores(farm, 7).servers.map(({ cores }) => cores)).toEqual([7, 7, 7, 7])
})

describe('capacity', () => {
  test('counts what faults leave', () => {
    expect(capacities(farm, plainRules, 1000)).toEqual({ serving: 10, all: 10 })
  })

  test('backups and servers of weight 0 do not serve', () => {
    const [a, b, c, d] = equalServers(4)
    const servers = [a!, { ...b!, tier: 1 }, { ...c!, weight: 0 }, d!]
    expect(capacities({ servers, faults: [] }, plainRules, 1000)).toEqual({ serving: 8, all: 16 })
    expect(capacities({ servers, faults: [] }, { ...plainRules, minHealthy: 3 }, 1000).serving).toBe(12)
  })
})

describe('a scenario for eight servers over others', () => {
  const model: Farm = {
    servers: equalServers(8, { cores: 1 }),
    faults: [slow(0), slow(4, 5, 6, 7), slow(0, 1, 2, 3, 4, 5, 6, 7)],
  }
  test.each([
    [8, [[0], [4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]]],
    [4, [[0], [2, 3], [0, 1, 2, 3]]],
    [2, [[0], [1], [0, 1]]],
    [3, [[0], [2], [0, 1, 2]]],
    [1, [[0], [0], [0]]],
    [16, [[0], [8, 9, 10, 11, 12, 13, 14, 15], Array.from({ length: 16 }, (_, i) => i)]],
  ])('%i: one stays one, half stays half, all stay all', (count, hit) => {
    expect(fitted(model, equalServers(count)).faults.map(({ servers }) => servers)).toEqual(hit)
  })

  test('servers are modelled as in the scenario, and named and weighted as configured', () => {
    const servers = equalServers(2).map((server) => ({ ...server, weight: 9, zone: 'a' }))
    expect(fitted(model, servers).servers).toEqual(servers.map((server) => ({ ...server, cores: 1 })))
  })
})
