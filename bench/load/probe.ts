// Waits until a server that was just started answers HTTP; in tcp mode the server behind answers through the proxy.
import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from '../process.ts'

export interface Target {
  readonly port: number
  readonly path: string
  readonly tls: boolean
}

/** @param patience seconds @throws when the process ends first, or gives no answer with status 200 in time */
export async function untilAnswering(target: Target, server: Running, patience = 10): Promise<void> {
  const deadline = Date.now() + patience * 1000
  for (;;) {
    const found = await ask(target)
    if (found === 200) return
    server.check()
    if (Date.now() > deadline) throw new Error(`no answer on port ${target.port} within ${patience} s, last: ${found}`)
    await sleep(20)
  }
}

/** Status of one GET, or what went wrong in words. */
function ask({ port, path, tls }: Target): Promise<number | string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, agent: false, timeout: 1000, rejectUnauthorized: false }
    const request = (tls ? https : http).get(options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', (error) => resolve(error.message))
  })
}
