// What operators change while Weir runs, whoever asks for it: the control socket and the socket for HAProxy's commands stand on
// this. Every change is an override in the journal first; then what runs is brought in line with the journal (settle), the
// same way after a change, at start and after a reload. So there is one answer to what a server is in: the file, and what the
// journal has on top of it. Every change is one line of the log, with who and what: from here, or from the reloader where all
// workers have to go over to another configuration.
import type { Config } from '../../config/config.ts'
import { adminStates, type AdminState } from '../../model/states.ts'
import type { View } from '../view.ts'
import { wishText } from './check-wish.ts'
import type { Journal } from './journal.ts'
import type { Operator } from './operator.ts'
import { configuredServer, placeOf, targetOf, type Difference, type Override } from './override.ts'
import { RequestProblem } from './problem.ts'
import type { Who } from './who.ts'

export class Runtime {
  readonly operator: Operator
  readonly journal: Journal
  /** Slots of servers that are drained because they are to be removed. */
  readonly #leaving = new Set<number>()
  /** One change of the configuration after the other. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(operator: Operator, journal: Journal) {
    this.operator = operator
    this.journal = journal
  }

  get view(): View {
    return this.operator.view
  }

  /** What the file says. */
  get file(): Config {
    return this.operator.reloader.fileConfig
  }

  /**
   * Brings the scoreboard in line with file and journal: admin states, weights, pauses. Overrides that hold no more are
   * forgotten. To be called at start, before there are workers, and after every configuration that was applied.
   */
  settle(): void {
    const { log } = this.operator
    for (const gone of this.journal.prune(this.file)) {
      const target = targetOf(gone)
      const fields = { target, field: gone.field, value: gone.value, by: gone.by }
      log.info(fields, `${describe(gone)}: holds no more, the configuration has changed it`)
    }
    settleBoard(this.operator, this.journal.overrides, this.#leaving)
  }

  /** Differences that only the scoreboard shows, at once. `configured` says what each differs from: equal means none. */
  mark(differences: readonly Difference[], who: Who): void {
    this.journal.put(
      differences.filter(({ value, configured }) => value !== configured).map((each) => stamped(each, who)),
      differences,
    )
    this.settle()
  }

  /** Forgets what is different about a field. */
  unmark(gone: (override: Override) => boolean): void {
    this.journal.drop(gone)
    this.settle()
  }

  /**
   * A difference of the configuration itself: all workers go over to it.
   * @param edit what becomes of the list of overrides
   * @throws RequestProblem when the result is not accepted: nothing has changed then
   */
  restructure(edit: (overrides: readonly Override[]) => readonly Override[], who: Who): Promise<void> {
    return this.inTurn(async () => {
      const before = this.journal.overrides
      this.journal.replace(edit(before))
      const outcome = await this.operator.reloader
        .setOverlay(this.journal.overlay, who.text)
        .catch((error: Error) => error)
      if (outcome instanceof Error || !outcome.ok) {
        this.journal.replace(before)
        throw new RequestProblem(409, outcome instanceof Error ? outcome.message : outcome.problems.trim())
      }
      this.settle()
    })
  }

  /** Nothing else that is in turn happens at the same time. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task)
    this.#queue = done.catch(() => {})
    return done
  }

  /** Drains a server for as long as the task takes. */
  async whileLeaving<T>(slot: number, task: () => Promise<T>): Promise<T> {
    this.#leaving.add(slot)
    this.settle()
    try {
      return await task()
    } finally {
      this.#leaving.delete(slot)
      this.settle()
    }
  }

  /** What is configured for a server that runs. @throws RequestProblem when it is neither in the file nor added */
  configured(backend: string, server: string) {
    const found = configuredServer(this.file, this.journal.overrides, { backend, server })
    if (found !== null) return found
    throw new RequestProblem(409, `${backend}/${server} is about to go: the configuration has it no more`)
  }

  /** One line for each change. */
  report(who: Who, what: string, fields: Readonly<Record<string, unknown>>): void {
    this.operator.log.info({ ...fields, by: who.text, at: who.where }, `${what}, changed by ${who.text}`)
  }
}

/** A difference with who made it, and when. */
export const stamped = (difference: Difference, who: Who): Override => ({
  ...difference,
  by: who.text,
  at: Date.now(),
})

/** 'weight of app/s1 is 5 (10 in the configuration)': what is different, in words. */
export function describe(override: Override): string {
  const target = targetOf(override)
  switch (override.field) {
    case 'admin':
      return `${target} is in ${override.value}`
    case 'added':
      return `${target} was added (${override.value.address})`
    case 'removed':
      return `${target} was removed (${override.configured})`
    case 'paused':
      return `frontend ${target} is paused`
    case 'health_check':
      return `health_check of ${target} is ${wishText(override.value)} (${override.configured} in the configuration)`
    case 'weight':
    case 'max_connections':
      return `${override.field} of ${target} is ${override.value} (${override.configured} in the configuration)`
  }
}

/** Writes what is not as it should be; a server without overrides is ready and has the weight of its snapshot. */
function settleBoard({ view, balance }: Operator, overrides: readonly Override[], leaving: ReadonlySet<number>): void {
  const { server, frontend } = view.board.shared
  const wanted = new Map(overrides.map((each) => [placeOf(each), each.value]))
  for (const { name: backend, servers } of view.snapshot.backends) {
    for (const { slot, name, weight } of servers) {
      const said = wanted.get(`admin ${backend}/${name}`) as AdminState | undefined
      const admin = leaving.has(slot) && said !== 'maint' ? 'drain' : (said ?? 'ready')
      if (Atomics.load(server.admin, slot) !== adminStates.indexOf(admin)) balance.setAdmin(slot, admin)
      const heavy = (wanted.get(`weight ${backend}/${name}`) as number | undefined) ?? weight
      if (Atomics.load(server.weight, slot) !== heavy) balance.setWeight(slot, heavy)
    }
  }
  for (const { slot, name } of view.snapshot.frontends) {
    Atomics.store(frontend.paused, slot, wanted.has(`paused ${name}`) ? 1 : 0)
  }
}
