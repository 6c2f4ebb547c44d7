// A Weir that starts another in its place, as tests see it: which process is the service now, and that all of them end with the
// test. The new one writes to the same log.
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Status } from '../../src/control/admin/status.ts'
import { pause } from '../support/peers.ts'
import type { WeirProcess } from '../support/programs.ts'

export class Service {
  readonly weir: WeirProcess
  /** Processes that were the service, the latest last. */
  readonly pids: number[]

  constructor(weir: WeirProcess) {
    this.weir = weir
    this.pids = [weir.pid]
    onTestFinished(() => {
      for (const pid of this.pids.slice(1)) if (isThere(pid)) process.kill(pid, 'SIGKILL')
    })
  }

  get pid(): number {
    return this.pids.at(-1)!
  }

  writeConfig(text: string): void {
    writeFileSync(join(dirname(this.weir.control), 'weir.yaml'), text.replace('CONTROL', this.weir.control))
  }

  status(): Promise<Status> {
    return this.ask('GET', '/v1/status').then(({ value }) => value as Status)
  }

  /** Until another process answers on the control socket. */
  async succeeded(): Promise<number> {
    for (const end = performance.now() + 40_000; performance.now() < end; await pause(20)) {
      const pid = await this.status().then(
        (status) => status.pid,
        () => this.pid,
      )
      if (pid === this.pid) continue
      this.pids.push(pid)
      return pid
    }
    throw new Error(`nobody has taken over: ${this.weir.log().slice(-3000)}`)
  }

  ask(method: string, path: string): Promise<{ status: number; value: unknown }> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.weir.control, method, path, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += String(chunk)))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode!, value: JSON.parse(text) as unknown }))
      })
      request.on('error', reject).end()
    })
  }
}

export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Until a process has ended. A child of this one is there, in a way, until its end has been seen. */
export async function gone(pid: number): Promise<void> {
  for (const end = performance.now() + 40_000; isThere(pid); await pause(20)) {
    if (performance.now() > end) throw new Error(`process ${pid} does not end`)
  }
}
