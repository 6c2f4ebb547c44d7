// The discrete-event simulation: time jumps from one event to the next. An attempt's way through it:
//
//   arrival -> an instance picks -> (network) -> reaches the server -> is served -> (network) -> answered
//                                                      `-> fails after a fixed time ----------> failed
//                       and after `timeout`, when neither has happened ----------------------> given up
//
// A request given up goes on keeping its server busy: nobody tells the server. Retries begin another attempt, elsewhere.
// Every source of events has one alarm on the agenda (queues.ts), so an event costs a few steps in a heap of tens, and what
// takes the same time for all needs no heap at all.
// Time is in ms; the product's objects are given what they know, int32 µs.
import { mix } from '../balance/hash.ts'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT, type Outcome } from '../balance/outcome.ts'
import { Attempts } from './attempts.ts'
import { rateOf } from './capacity.ts'
import { homeOf } from './home.ts'
import { commonOf, Instance } from './instance.ts'
import { Agenda, Line, Timeline } from './queues.ts'
import { Random, streams } from './random.ts'
import { Service } from './service.ts'
import { Tally } from './tally.ts'
import { Trouble } from './trouble.ts'
import type { Result, Setup } from './types.ts'
import { Workload } from './workload.ts'

/** ms between two ticks of an instance, as in the live process. */
const TICK = 100
/** The alarms of what there is one of; those of the troubles and of the servers follow. */
const alarms = { tick: 0, arrive: 1, reach: 2, expire: 3, answer: 4, fail: 5 } as const
const FIRST_TROUBLE = 6

const NONE: readonly number[] = []
const toMicros = (time: number): number => (time * 1000) | 0

export class Engine {
  readonly #setup: Setup
  readonly #end: number
  readonly #agenda: Agenda
  readonly #workload: Workload
  readonly #attempts = new Attempts()
  readonly #instances: readonly Instance[]
  readonly #services: readonly Service[]
  readonly #troubles: readonly Trouble[]
  readonly #tally: Tally
  readonly #home: ((key: number) => number) | null
  readonly #whichInstance: Random
  readonly #whichFails: Random
  readonly #firstService: number
  /** Attempts whose answer is on its way back, with the time of its arrival. */
  readonly #answers = new Line()
  /** Attempts that will fail, by when. */
  readonly #failures = new Timeline()
  /** Attempts below this number have reached their server. */
  #reached = 0
  /** Attempts below this number are closed. */
  #expired = 0
  #now = 0

  constructor(setup: Setup) {
    const { seed, servers, faults, warmup } = setup
    const common = commonOf(setup)
    this.#setup = setup
    this.#end = warmup + setup.duration
    this.#workload = new Workload(setup, setup.recording === null ? rateOf(setup) : 0)
    this.#instances = Array.from({ length: setup.instances }, (_, i) => new Instance(common, mix(seed) + i))
    this.#services = servers.map((server) => new Service(server))
    this.#troubles = faults.flatMap((fault, f) =>
      fault.servers.map((server) => {
        const random = new Random(seed, streams.faults + f * servers.length + server)
        return new Trouble(fault, server, warmup, random)
      }),
    )
    this.#tally = new Tally(setup)
    this.#home = homeOf(common)
    this.#whichInstance = new Random(seed, streams.instances)
    this.#whichFails = new Random(seed, streams.failures)
    this.#firstService = FIRST_TROUBLE + this.#troubles.length
    this.#agenda = new Agenda(this.#firstService + servers.length)
    for (let t = 0; t < this.#troubles.length; t++) this.#stepTrouble(t, 0)
    this.#agenda.set(alarms.tick, 0)
    this.#scheduleArrival()
  }

  /** @param onProgress is called now and then with the share of the virtual time that is over */
  run(onProgress?: (share: number) => void): Result {
    const agenda = this.#agenda
    while (this.#workload.at < this.#end || this.#tally.open > 0) {
      const alarm = agenda.next
      this.#now = agenda.timeOf(alarm)
      switch (alarm) {
        case alarms.tick:
          this.#tick()
          onProgress?.(Math.min(1, this.#now / this.#end))
          break
        case alarms.arrive:
          this.#arrive()
          break
        case alarms.reach:
          this.#reach()
          break
        case alarms.expire:
          this.#expire()
          break
        case alarms.answer:
          this.#close(this.#answers.shift(), OUTCOME_OK)
          agenda.set(alarms.answer, this.#answers.firstValue)
          break
        case alarms.fail:
          this.#close(this.#failures.shift(), OUTCOME_FAILED)
          agenda.set(alarms.fail, this.#failures.firstTime)
          break
        default:
          if (alarm < this.#firstService) this.#stepTrouble(alarm - FIRST_TROUBLE, this.#now)
          else this.#serve(alarm - this.#firstService)
      }
    }
    return this.#tally.result(this.#now)
  }

  #tick(): void {
    const now = toMicros(this.#now)
    for (const instance of this.#instances) instance.tick(this.#now, now)
    this.#agenda.set(alarms.tick, this.#now + TICK)
  }

  #arrive(): void {
    const { size, key } = this.#workload
    const instance = this.#instances.length > 1 ? this.#whichInstance.below(this.#instances.length) : 0
    this.#tally.request(this.#now)
    this.#begin({ arrival: this.#now, size, key, instance, previous: -1 })
    this.#workload.advance()
    this.#scheduleArrival()
  }

  #scheduleArrival(): void {
    this.#agenda.set(alarms.arrive, this.#workload.at < this.#end ? this.#workload.at : Infinity)
  }

  #begin(request: { arrival: number; size: number; key: number; instance: number; previous: number }): void {
    const { arrival, size, key, instance, previous } = request
    const attempts = this.#attempts
    const now = this.#now
    const tried = previous < 0 ? NONE : attempts.tried(previous)
    const server = this.#instances[instance]!.begin(key, toMicros(now), tried)
    if (server < 0) {
      this.#tally.ended(arrival, NaN, true)
      return
    }
    const away = previous < 0 && this.#home !== null && this.#home(key) !== server
    this.#tally.attempt(arrival, server, now, away)
    const attempt = attempts.add()
    attempts.start[attempt] = now
    attempts.arrival[attempt] = arrival
    attempts.size[attempt] = size
    attempts.key[attempt] = key
    attempts.instance[attempt] = instance
    attempts.server[attempt] = server
    attempts.previous[attempt] = previous
    if (this.#reached === attempt) this.#agenda.set(alarms.reach, now + this.#setup.network)
    if (this.#expired === attempt) this.#agenda.set(alarms.expire, now + this.#setup.timeout)
  }

  /** The next attempt is at its server. */
  #reach(): void {
    const attempts = this.#attempts
    const attempt = this.#reached++
    const next = attempts.start[this.#reached]! + this.#setup.network
    this.#agenda.set(alarms.reach, this.#reached < attempts.count ? next : Infinity)

    const server = attempts.server[attempt]!
    for (const trouble of this.#troubles) {
      if (trouble.server !== server || trouble.share === 0) continue
      if (this.#whichFails.uniform() >= trouble.share) continue
      this.#failures.push(attempt, this.#now + trouble.after)
      this.#agenda.set(alarms.fail, this.#failures.firstTime)
      return
    }
    this.#services[server]!.join(attempt, attempts.size[attempt]!, this.#now)
    this.#scheduleService(server)
  }

  /** A server finishes a request. */
  #serve(server: number): void {
    const attempt = this.#services[server]!.finish()
    this.#scheduleService(server)
    this.#answers.push(attempt, this.#now + this.#setup.network)
    if (this.#answers.length === 1) this.#agenda.set(alarms.answer, this.#answers.firstValue)
  }

  #scheduleService(server: number): void {
    this.#agenda.set(this.#firstService + server, this.#services[server]!.due)
  }

  /** The time of the oldest attempt that was open may be over; goes on to the oldest one that is open now. */
  #expire(): void {
    const { count, open, start } = this.#attempts
    const { timeout } = this.#setup
    for (; this.#expired < count; this.#expired++) {
      if (open[this.#expired] === 0) continue
      if (start[this.#expired]! + timeout > this.#now) break
      this.#close(this.#expired, OUTCOME_TIMEOUT)
    }
    const next = this.#expired < count ? start[this.#expired]! + timeout : Infinity
    this.#agenda.set(alarms.expire, next)
  }

  /** An attempt is over for the balancer, unless it has been given up before. */
  #close(attempt: number, outcome: Outcome): void {
    const attempts = this.#attempts
    if (attempts.open[attempt] === 0) return
    attempts.open[attempt] = 0
    const now = this.#now
    const server = attempts.server[attempt]!
    const arrival = attempts.arrival[attempt]!
    const latUs = Math.round((now - attempts.start[attempt]!) * 1000)
    this.#instances[attempts.instance[attempt]!]!.end(server, toMicros(now), latUs, outcome)
    this.#tally.attemptEnded(arrival, server, now, outcome !== OUTCOME_OK)
    if (outcome !== OUTCOME_FAILED) this.#tally.ended(arrival, now - arrival, outcome === OUTCOME_TIMEOUT)
    else if (this.#mayRetry(attempt)) this.#retry(attempt)
    else this.#tally.ended(arrival, NaN, true)
  }

  #mayRetry(attempt: number): boolean {
    const { retries } = this.#setup
    return retries > 0 && this.#attempts.tried(attempt).length <= retries
  }

  #retry(previous: number): void {
    const { arrival, size, key, instance } = this.#attempts
    this.#begin({
      arrival: arrival[previous]!,
      size: size[previous]!,
      key: key[previous]!,
      instance: instance[previous]!,
      previous,
    })
  }

  /** @param now steps that are due before this time are taken together */
  #stepTrouble(index: number, now: number): void {
    const trouble = this.#troubles[index]!
    const { server, absent } = trouble
    while (trouble.next <= now) trouble.step()
    this.#agenda.set(FIRST_TROUBLE + index, trouble.next)

    let speed = this.#setup.servers[server]!.speed
    let gone = false
    for (const other of this.#troubles) {
      if (other.server !== server) continue
      speed *= other.speed
      gone ||= other.absent
    }
    this.#services[server]!.setSpeed(speed, now)
    this.#scheduleService(server)
    if (absent === trouble.absent) return
    for (const instance of this.#instances) instance.setPresent(server, !gone, now)
  }
}
