// The ways in for operators and their tools: the admin bind, the control socket, the socket for HAProxy's commands. They open
// and close together, because only one process can have them: in an upgrade the old one gives them up when the new one serves.
// A reload moves those whose place has changed: the new one is open before the old one is let go, and who is in stays in,
// such as whoever has asked for the reload. What is not where it was asked for refuses the reload.
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { openAdminBind, type AdminBind } from '../admin/admin-bind.ts'
import type { Baseline } from '../admin/baseline.ts'
import { automaticPath, openControlSocket, type ControlSocket } from '../admin/control-socket.ts'
import type { Door } from '../admin/door.ts'
import { placeOf } from '../binds.ts'
import { openHaproxySocket, type HaproxySocket } from '../haproxy-socket/haproxy-socket.ts'
import { stays, type Readied } from '../reload/all-or-nothing.ts'
import { peerProcess } from '../runtime/peer-process.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { share } from '../unix-socket.ts'

/** Where the doors are wanted. */
type Places = Pick<Config['global'], 'admin' | 'controlSocket' | 'haproxySocket' | 'controlGroup'>

type Group = Places['controlGroup']

export interface DoorsOptions {
  readonly places: Places
  readonly runtime: Runtime
  readonly baseline: Baseline
  readonly log: Logger
}

/** Those that are open. */
interface Open {
  readonly admin: AdminBind | null
  readonly control: ControlSocket | null
  readonly haproxy: HaproxySocket | null
}

const none: Open = { admin: null, control: null, haproxy: null }

/** On the way from the doors that are open to others. */
interface Move {
  readonly problems: string[]
  /** Takes back what has been done so far. */
  readonly undo: AsyncDisposableStack
}

export class Doors {
  readonly #options: DoorsOptions
  #places: Places
  #open = none
  /** In no configuration any more; somebody may be in still. */
  readonly #retired = new Set<Door>()
  #closed = false

  constructor(options: DoorsOptions) {
    this.#options = options
    this.#places = placesIn(options.places)
  }

  get admin(): AdminBind | null {
    return this.#open.admin
  }

  get control(): ControlSocket | null {
    return this.#open.control
  }

  /**
   * Opens what is configured. What was asked for must be there; what is there by default may be missing, for a second Weir on
   * the machine. @returns what could not be opened, one sentence each
   */
  async open(): Promise<readonly string[]> {
    const move: Move = { problems: [], undo: new AsyncDisposableStack() }
    this.#open = await this.#openAt(this.#places, move)
    return move.problems
  }

  /** Makes ready what another configuration wants. @throws Error with words for the operator when it can't be had */
  async prepare(global: Places): Promise<Readied> {
    const places = placesIn(global)
    if (isDeepStrictEqual(places, this.#places)) return stays
    if (this.#closed) throw new Error('this process has given its admin bind and its control sockets up')
    const move: Move = { problems: [], undo: new AsyncDisposableStack() }
    const next = await this.#openAt(places, move)
    const abandon = (): Promise<void> => move.undo.disposeAsync()
    if (move.problems.length === 0) return { commit: () => this.#goOver(places, next), abandon }
    await abandon()
    throw new Error(move.problems.join('; '))
  }

  #goOver(places: Places, next: Open): void {
    const before = this.#open
    this.#open = next
    this.#places = places
    for (const door of doorsOf(before)) if (!doorsOf(next).includes(door)) this.#retire(door)
    this.report(before)
    if (this.#closed) void this.close() // it was closed while this was made ready
  }

  #retire(door: Door): void {
    this.#retired.add(door)
    void door.retire().finally(() => this.#retired.delete(door))
  }

  /** Opens what is not open yet at these places; what is there already stays as it is. */
  async #openAt(places: Places, move: Move): Promise<Open> {
    return {
      admin: await this.#adminAt(places, move),
      control: await this.#controlAt(places, move),
      haproxy: await this.#haproxyAt(places, move),
    }
  }

  async #adminAt({ admin }: Places, move: Move): Promise<AdminBind | null> {
    const before = this.#open.admin
    if (admin === null) return null
    if (before?.address.host === admin.host && before.address.port === admin.port) return before
    const loss = admin.byDefault && before === null ? 'there will be no metrics (see global.admin)' : null
    return this.#try(move, loss, () => openAdminBind(admin, this.#options.runtime.view))
  }

  async #controlAt({ controlSocket, controlGroup: group }: Places, move: Move): Promise<ControlSocket | null> {
    const { runtime, baseline } = this.#options
    const before = this.#open.control
    if (controlSocket === null) return null
    const auto = controlSocket === 'auto'
    const loss = auto && before === null ? 'weir status will not work (see global.control_socket)' : null
    return this.#try(move, loss, async () => {
      const path = auto ? await automaticPath() : controlSocket
      if (before?.path === path) return this.#sharedWith(group, before, move)
      return openControlSocket(path, runtime, { group, baseline, peerOf: peerProcess })
    })
  }

  async #haproxyAt({ haproxySocket: path, controlGroup: group }: Places, move: Move): Promise<HaproxySocket | null> {
    const { runtime, baseline } = this.#options
    const before = this.#open.haproxy
    if (path === null) return null
    return this.#try(move, null, () =>
      before?.path === path
        ? this.#sharedWith(group, before, move)
        : openHaproxySocket({ path, group, runtime, baseline }),
    )
  }

  /** Lets another group in, where it is another. */
  async #sharedWith<T extends { readonly path: string }>(group: Group, door: T, { undo }: Move): Promise<T> {
    const { controlGroup: before } = this.#places
    if (group === before) return door
    await share(door.path, group).catch((error: Error) => {
      throw new Error(`cannot share ${door.path} (global.control_group): ${error.message}`, { cause: error })
    })
    undo.defer(() => share(door.path, before))
    return door
  }

  /** @param loss what it means when it can't be had, which is accepted then; null: it is not. @returns null: it can't be had */
  async #try<T extends Door>(move: Move, loss: string | null, find: () => Promise<T>): Promise<T | null> {
    try {
      const door = await find()
      if (!doorsOf(this.#open).includes(door)) move.undo.defer(() => door.close())
      return door
    } catch (error) {
      const { message } = error as Error
      if (loss === null) move.problems.push(message)
      else this.#options.log.warn(`${message}; ${loss}`)
      return null
    }
  }

  /** Tells where those are that were not open before. */
  report(before = none): void {
    const { log } = this.#options
    const { admin, control } = this.#open
    if (admin !== null && admin !== before.admin) {
      const place = placeOf({ host: admin.address.host, port: admin.port, path: null })
      log.info({ port: admin.port }, `admin on ${place}`)
    }
    if (control !== null && control !== before.control)
      log.info({ path: control.path }, `control socket ${control.path}`)
  }

  /** May be called again. */
  async close(): Promise<void> {
    this.#closed = true
    const doors = [...doorsOf(this.#open), ...this.#retired]
    this.#open = none
    await Promise.all(doors.map((door) => door.close()))
  }
}

const placesIn = ({ admin, controlSocket, haproxySocket, controlGroup }: Places): Places => ({
  admin,
  controlSocket,
  haproxySocket,
  controlGroup,
})

const doorsOf = ({ admin, control, haproxy }: Open): readonly Door[] =>
  [admin, control, haproxy].filter((door) => door !== null)
