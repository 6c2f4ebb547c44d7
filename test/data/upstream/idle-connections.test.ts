// Idle connections against a server that closes them at an age of its own: a simulation by a virtual clock of what gets
// lost, what is reused, and how it finds its way when the server changes. No socket, no waiting.
import { expect, test } from 'vitest'
import { createDice } from '../../../src/balance/dice.ts'
import { IdleConnections, type IdleConnection } from '../../../src/data/upstream/idle-connections.ts'

/** What a busy event loop adds until a close is seen, in ms. */
const LOOP = 8
const SERVICE = 3
const TICK = 100

class Link implements IdleConnection {
  idleSince = 0
  idleFor = 0
  open = true
  /** Last answer, by the server's view. */
  lastUse = 0
  requests = 0
  destroy(): void {
    this.open = false
  }
}

interface Options {
  readonly seed: number
  readonly clients: number
  /** Time between an answer and the next request of one client. */
  readonly pace: (random: number, now: number) => number
  /** To the server, one way. */
  readonly wire?: number
  readonly requests: number
  /** Every so manieth request can't be repeated. */
  readonly postEvery: number
  /** At what idle age the server closes, at a time. */
  readonly closesAt: (now: number) => number
  /** When it restarts, closing all. */
  readonly restarts?: readonly number[]
}

interface Totals {
  requests: number
  reused: number
  repeated: number
  /** The same, of requests that can't be repeated: failures that the client sees. */
  lost: number
  /** Connections that were reused in the last quarter of the run. */
  lateReuse: number
}

function simulate({ seed, clients, pace, requests, postEvery, closesAt, restarts = [], wire = 0.5 }: Options): Totals {
  const dice = createDice(seed)
  const random = (): number => dice.below(1 << 20) / (1 << 20)
  const idle = new IdleConnections<Link>(256, 30_000)
  const events: { at: number; run: (now: number) => void }[] = []
  const on = (at: number, run: (now: number) => void): void => {
    let i = events.length
    while (i > 0 && events[i - 1]!.at < at) i--
    events.splice(i, 0, { at, run }) // the next at the end
  }
  const totals: Totals = { requests: 0, reused: 0, repeated: 0, lost: 0, lateReuse: 0 }
  const links = new Set<Link>()
  const closeByServer = (link: Link, now: number): void => {
    links.delete(link)
    if (!link.open) return
    link.open = false
    on(now + wire + random() * LOOP, (seen) => idle.forget(link, seen))
  }
  const watch = (link: Link, now: number): void => {
    const { requests: then } = link
    const limit = closesAt(now)
    on(now + limit, (at) => {
      if (link.open && link.requests === then) closeByServer(link, at)
    })
  }
  const answered = (link: Link, now: number, client: () => void): void => {
    on(now + SERVICE, (at) => {
      watch(link, at)
      on(at + wire, (got) => {
        if (link.open) idle.keep(link, got)
        on(got + pace(random(), got), client)
      })
    })
  }
  const send = (link: Link, now: number, repeatable: boolean, client: () => void): void => {
    on(now + wire, (at) => {
      link.requests++
      if (link.open) return answered(link, at, client)
      on(at + wire, (seen) => {
        idle.foundClosed(link, seen)
        if (!repeatable) {
          totals.lost++
          return on(seen + pace(random(), seen), client)
        }
        totals.repeated++
        const fresh = new Link()
        links.add(fresh)
        send(fresh, seen, repeatable, client)
      })
    })
  }
  let time = 0
  const client = (): void => {
    if (totals.requests >= requests) return
    const repeatable = ++totals.requests % postEvery !== 0
    const kept = idle.take(repeatable ? 0 : idle.sureSince(time), time)
    if (kept !== null) {
      totals.reused++
      if (totals.requests > requests * 0.75) totals.lateReuse++
    }
    const link = kept ?? new Link()
    links.add(link)
    send(link, time, repeatable, client)
  }
  const tick = (): void => {
    idle.sweep(time)
    if (totals.requests < requests) on(time + TICK, tick)
  }
  for (const at of restarts) on(at, (now) => [...links].forEach((link) => closeByServer(link, now)))
  for (let i = 0; i < clients; i++) on(random() * 1000, client)
  on(TICK, tick)
  for (let next = events.pop(); next !== undefined; next = events.pop()) {
    time = next.at
    next.run(time)
  }
  return totals
}

/** Around 5 s, most of it close to that. */
const around5s = (random: number): number => 5000 + 600 * (random - 0.5)

test('a server that closes at 5 s, clients paced around 5 s: nothing is lost, and more than 90 % is reused', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const options = { seed, clients: 50, pace: around5s, requests: 10_000, closesAt: () => 5000 }
    const mixed = simulate({ ...options, postEvery: 3 })
    expect([seed, mixed.lost]).toEqual([seed, 0])
    expect(mixed.reused / mixed.requests).toBeGreaterThan(0.9)
    const posts = simulate({ ...options, postEvery: 1 })
    expect([seed, posts.lost]).toEqual([seed, 0])
    expect(posts.reused / posts.requests).toBeGreaterThan(0.9)
  }
})

test('clients that all come at once, every 5 s, to a server far away: what was idle until then is not trusted', () => {
  const inStep = (random: number, now: number): number => 5000 - ((now + 2500) % 5000) + 2500 + 400 * (random - 0.5)
  for (let seed = 1; seed <= 5; seed++) {
    const options = { seed, clients: 50, pace: inStep, wire: 20, requests: 10_000, postEvery: 1 }
    const totals = simulate({ ...options, closesAt: () => 4950 })
    expect([seed, totals.lost]).toEqual([seed, 0])
    expect(totals.reused / totals.requests).toBeGreaterThan(0.75)
  }
})

test('few clients, whose connections do get old: next to nothing has to be repeated', () => {
  let repeated = 0
  for (let seed = 1; seed <= 5; seed++) {
    const pace = (random: number): number => 1000 + 9000 * random
    const totals = simulate({ seed, clients: 3, pace, requests: 10_000, postEvery: 3, closesAt: () => 5000 })
    expect([seed, totals.lost]).toEqual([seed, 0])
    repeated += totals.repeated
  }
  expect(repeated).toBeLessThanOrEqual(10)
})

test('a server that is restarted every minute: what is lost was in flight then, and reuse stays', () => {
  const restarts = Array.from({ length: 16 }, (_, i) => 60_000 * (i + 1))
  const options = { seed: 1, clients: 50, pace: around5s, requests: 10_000, postEvery: 3, closesAt: () => 5000 }
  const totals = simulate({ ...options, restarts })
  expect(totals.lost).toBeLessThanOrEqual(2)
  expect(totals.reused / totals.requests).toBeGreaterThan(0.9)
})

test('a server that waits longer from now on: connections are kept longer within some minutes', () => {
  const pace = (random: number): number => 4000 + 8000 * random
  const options = { seed: 7, clients: 1, pace, requests: 2000, postEvery: 2 }
  const short = simulate({ ...options, closesAt: () => 3000 })
  const later = simulate({ ...options, closesAt: (now) => (now < 4_000_000 ? 3000 : 20_000) })
  expect(short.reused).toBeLessThan(20)
  expect([short.lost, later.lost]).toEqual([0, 0])
  expect(later.lateReuse / 500).toBeGreaterThan(0.95)
})

test('a server that closes at random ages: what can not be repeated is lost in one case of hundreds at most', () => {
  const dice = createDice(3)
  const closesAt = (): number => 200 + dice.below(3000)
  const pace = (random: number): number => 200 + 3000 * random
  const totals = simulate({ seed: 3, clients: 5, pace, requests: 10_000, postEvery: 3, closesAt })
  expect(totals.lost / totals.requests).toBeLessThan(0.002)
  expect(totals.repeated / totals.requests).toBeLessThan(0.01)
})

test('one connection that is too old for use is kept to see when the server closes it, and no more than one', () => {
  const idle = new IdleConnections<Link>(256, 30_000)
  const aged = (now: number): Link => {
    const link = new Link()
    idle.keep(link, now)
    return link
  }
  for (const at of [0, 10_000]) {
    const link = aged(at)
    idle.forget(link, at + 1000)
  }
  const links = [aged(20_000), aged(20_001), aged(20_002)]
  idle.sweep(20_900)
  expect(links.map(({ open }) => open)).toEqual([true, false, false])
  expect(idle.take(0, 20_900)).toBe(null)
  idle.sweep(51_000) // it has outlasted the time that connections are kept
  expect(links[0]!.open).toBe(false)
})

test('a server that says keep-alive and closes at once is given no second request on a connection', () => {
  const pace = (random: number): number => random * 20
  const totals = simulate({ seed: 2, clients: 20, pace, requests: 5000, postEvery: 2, closesAt: () => 0 })
  expect(totals.lost).toBeLessThan(10)
  expect(totals.repeated).toBeLessThan(10)
})
