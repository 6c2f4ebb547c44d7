// Checks of many answers together: do the shares follow the weights, and nothing else? Do keys stay where they were?
// Tolerances are wide enough for algorithms that roll dice or look at load, and far narrower than the mistakes they are for.
import { fail, pass, percent, skip, warn, type Subject, type Verdict } from './check.ts'
import { keyOf, serversOf, Stage, type StageServer } from './stage.ts'

const REQUESTS = 12_000
/** Off by more than this part of its share, a server does not get what its weight says. */
const TOLERANCE = 0.2
/** With nothing in flight there is no load to go by, and two draws out of three servers are not quite by weight. */
const IDLE_FACTOR = 2

export function weights({ algorithm, seed }: Subject): Verdict {
  const told: string[] = []
  for (const list of [
    [1, 2, 5],
    [65535, 32768, 16384, 0],
  ]) {
    const servers = serversOf(...list)
    const shares = sharesOf(servers, new Stage(algorithm, servers, seed), (stage) => stage.run(REQUESTS, 48))
    told.push(`${list.join(':')} gave ${inWords(shares)}`)
    if (shares.some(({ share, due }) => Math.abs(share - due) > TOLERANCE * due))
      return fail(`with 48 requests in flight, weights ${told.at(-1)}; due are ${inWords(shares, 'due')}`)
  }
  const servers = serversOf(1, 2, 5)
  const idle = sharesOf(servers, new Stage(algorithm, servers, seed), (stage) => stage.runIdle(REQUESTS))
  if (idle.some(({ share, due }) => share > IDLE_FACTOR * due || share * IDLE_FACTOR < due))
    return warn(`met under load, but with nothing in flight 1:2:5 gave ${inWords(idle)}: light traffic ignores them`)
  return pass(`under load ${told[0]!}; with nothing in flight ${inWords(idle)}`)
}

interface Share {
  readonly share: number
  readonly due: number
}

function sharesOf(
  servers: readonly StageServer[],
  stage: Stage,
  run: (stage: Stage) => ReadonlyMap<number, number>,
): Share[] {
  const counts = run(stage)
  const sum = servers.reduce((total, { weight }) => total + weight, 0)
  return servers.map(({ name, weight }) => ({
    share: (counts.get(stage.slot(name)) ?? 0) / REQUESTS,
    due: weight / sum,
  }))
}

const inWords = (shares: readonly Share[], which: keyof Share = 'share'): string =>
  shares.map((each) => percent(each[which])).join(' : ')

const PER_ORDER = 480
/** Loads of four servers; the two that tie for the least must be as good as each other wherever they stand. */
const loads = [
  [0, 0, 0, 0],
  [3, 3, 5, 9],
] as const

/**
 * In all 24 orders together each server stands in each place equally often, so the places must get equal shares, whatever
 * the algorithm makes of load or key. And a key must find the same server in each order.
 */
export function order({ algorithm, seed }: Subject): Verdict {
  const servers = serversOf(1, 1, 1, 1)
  const keyed = followsKey({ algorithm, seed })
  for (const load of loads) {
    const places = [0, 0, 0, 0]
    let first: string[] | null = null
    let moved = 0
    for (const [i, some] of permutations(servers).entries()) {
      const stage = new Stage(algorithm, some, seed + i)
      servers.forEach(({ name }, k) => (stage.columns.server.inflight[stage.slot(name)] = load[k]!))
      const picked = Array.from({ length: PER_ORDER }, (_, k) => {
        stage.wait(100)
        return stage.pick(keyOf(k))
      })
      for (const slot of picked) places[some.findIndex(({ name }) => stage.slot(name) === slot)]!++
      const homes = picked.map((slot) => stage.nameAt(slot)!)
      first ??= homes
      moved += homes.filter((home, k) => home !== first![k]).length
    }
    const total = 24 * PER_ORDER
    const told = places.map((count) => percent(count / total)).join(', ')
    const bound = 0.02 * total + 4.5 * Math.sqrt(total * 0.25 * 0.75)
    const what = load[0] === 0 ? 'idle servers' : `servers with ${load.join(', ')} requests in flight`
    if (places.some((count) => Math.abs(count - total / 4) > bound))
      return fail(`over all orders of four ${what} the first to last place got ${told}: draw between equals`)
    if (keyed && load[0] === 0 && moved > 0.01 * total)
      return fail(`${percent(moved / total)} of keys moved when the servers stood in another order: go by their names`)
  }
  return pass(`over all orders of four servers, each place gets its quarter${keyed ? ', and each key its server' : ''}`)
}

const KEYS = 2000
/** Of the keys that have to move. Maglev moves 1.02 to 1.1 times as many, a ring up to 1.1, key modulo servers 7 times. */
const MOVE_LIMIT = 1.5

export function keys({ algorithm, seed }: Subject): Verdict {
  if (!followsKey({ algorithm, seed })) return skip('the picks do not follow the key')
  const servers = serversOf(...Array<number>(8).fill(1))
  let down = 0
  let gone = 0
  let back = 0
  for (const left of servers) {
    const stage = new Stage(algorithm, servers, seed)
    const homes = homesOf(stage)
    const moves = (): number => homesOf(stage).filter((home, i) => home !== homes[i]).length / (KEYS * servers.length)
    stage.show(servers.map((server) => (server === left ? { ...server, health: 2 } : server)))
    down += moves()
    stage.show(servers.filter((server) => server !== left))
    gone += moves()
    stage.show(servers)
    back += moves()
  }
  const due = 1 / servers.length
  const told = `when one of 8 goes down ${percent(down)} of keys move, when it is removed ${percent(gone)} (due: ${percent(due)})`
  if (down > MOVE_LIMIT * due || gone > MOVE_LIMIT * due) return fail(told)
  return back > 0.01 ? fail(`${percent(back)} of keys did not come home when the server was back`) : pass(told)
}

const homesOf = (stage: Stage): number[] => Array.from({ length: KEYS }, (_, i) => stage.pick(keyOf(i)))

/** The same keys in another order and with other dice find the same servers, and not all of them one. */
function followsKey({ algorithm, seed }: Pick<Subject, 'algorithm' | 'seed'>): boolean {
  const servers = serversOf(...Array<number>(8).fill(1))
  const one = homesOf(new Stage(algorithm, servers, seed))
  const other = new Stage(algorithm, servers, seed + 1)
  let same = 0
  for (let i = KEYS - 1; i >= 0; i--) if (other.pick(keyOf(i)) === one[i]) same++
  return same > 0.9 * KEYS && new Set(one).size > 4
}

/** Every order of a few items. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}
