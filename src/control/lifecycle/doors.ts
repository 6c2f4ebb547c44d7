// The ways in for operators and their tools: the admin bind, the control socket, the socket for HAProxy's commands. They open
// and close together, because only one process can have them: in an upgrade the old one gives them up when the new one serves.
import type { Logger } from 'pino'
import type { AdminAddress, Config } from '../../config/config.ts'
import { openAdminBind, type AdminBind } from '../admin/admin-bind.ts'
import type { Baseline } from '../admin/baseline.ts'
import { openControlSocket, type ControlSocket } from '../admin/control-socket.ts'
import { placeOf } from '../binds.ts'
import { openHaproxySocket } from '../haproxy-socket/haproxy-socket.ts'
import { peerProcess } from '../runtime/peer-process.ts'
import type { Runtime } from '../runtime/runtime.ts'

export interface DoorsOptions {
  readonly admin: AdminAddress | null
  /** Absolute path, 'auto', or null. */
  readonly controlSocket: string | null
  readonly global: Pick<Config['global'], 'haproxySocket' | 'controlGroup'>
  readonly runtime: Runtime
  readonly baseline: Baseline
  readonly log: Logger
}

export class Doors {
  readonly #options: DoorsOptions
  readonly #open = new AsyncDisposableStack()
  admin: AdminBind | null = null
  control: ControlSocket | null = null

  constructor(options: DoorsOptions) {
    this.#options = options
  }

  /**
   * Opens what is configured. What was asked for must be there; what is there by default may be missing, for a second Weir on
   * the machine. @returns what could not be opened, one sentence each
   */
  async open(): Promise<readonly string[]> {
    const { admin, controlSocket, global, runtime, baseline, log } = this.#options
    const problems: string[] = []
    if (admin !== null) {
      const found = await this.#try(async () => {
        this.admin = await openAdminBind(admin, runtime.view)
        return this.admin
      })
      if (!admin.byDefault) problems.push(...found)
      else for (const problem of found) log.warn(`${problem}; there will be no metrics (see global.admin)`)
    }
    const { haproxySocket, controlGroup: group } = global
    if (controlSocket !== null) {
      const found = await this.#try(async () => {
        this.control = await openControlSocket(controlSocket, runtime, { group, baseline, peerOf: peerProcess })
        return this.control
      })
      if (controlSocket !== 'auto') problems.push(...found)
      else for (const problem of found) log.warn(`${problem}; weir status will not work (see global.control_socket)`)
    }
    if (haproxySocket !== null) {
      problems.push(...(await this.#try(() => openHaproxySocket({ path: haproxySocket, group, runtime, baseline }))))
    }
    return problems
  }

  /** @returns the problem, if there is one */
  async #try(open: () => Promise<{ close(): Promise<void> }>): Promise<string[]> {
    try {
      const opened = await open()
      this.#open.defer(() => opened.close())
      return []
    } catch (error) {
      return [(error as Error).message]
    }
  }

  report(): void {
    const { admin, log } = this.#options
    if (this.admin !== null) {
      const place = placeOf({ host: admin!.host, port: this.admin.port, path: null })
      log.info({ port: this.admin.port }, `admin on ${place}`)
    }
    if (this.control !== null) log.info({ path: this.control.path }, `control socket ${this.control.path}`)
  }

  /** May be called again. */
  async close(): Promise<void> {
    await this.#open.disposeAsync()
  }
}
