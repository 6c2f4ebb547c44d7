// The admin bind: /metrics, /livez and /readyz over plain HTTP, on loopback unless the operator says otherwise.
// It only tells; what changes something goes through the control socket.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listenProblem, placeOf } from '../binds.ts'
import { createRegistry } from '../metrics/registry.ts'
import { isDraining, isReady, type View } from '../view.ts'
import type { Door } from './door.ts'
import { close, createRoutes, listen, retire, text, type Route } from './http.ts'

export interface AdminBind extends Door {
  /** As asked for. */
  readonly address: Address
  /** The real one, where the configuration says 0. */
  readonly port: number
}

interface Address {
  readonly host: string
  readonly port: number
}

/** @throws Error with words for the operator when the address cannot be had */
export async function openAdminBind(address: Address, view: View): Promise<AdminBind> {
  const server: Server = createRoutes(routes(view))
  try {
    await listen(server, { host: address.host, port: address.port })
  } catch (error) {
    throw new Error(
      `cannot listen on ${placeOf({ ...address, path: null })} (global.admin): ${listenProblem(error as NodeJS.ErrnoException)}`,
      { cause: error },
    )
  }
  const { port } = server.address() as AddressInfo
  return { address, port, retire: () => retire(server), close: () => close(server) }
}

function routes(view: View): readonly Route[] {
  const registry = createRegistry(view)
  return [
    {
      method: 'GET',
      path: /^\/metrics$/,
      answer: async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
    },
    { method: 'GET', path: /^\/livez$/, answer: () => text(200, 'alive') },
    { method: 'GET', path: /^\/readyz$/, answer: () => (isReady(view) ? text(200, 'ready') : text(503, whyNot(view))) },
  ]
}

function whyNot(view: View): string {
  if (isDraining(view)) return 'draining'
  const workers = view.workers()
  const { placeholders } = view.certificates()
  if (placeholders.length > 0 && workers.every(({ state }) => state === 'listening'))
    return `no certificate yet, but a placeholder: ${placeholders.join(', ')}`
  return `${workers.filter(({ state }) => state === 'listening').length} of ${workers.length} workers listening`
}
