// Before a process takes over from another, which begins when its workers listen, it waits until its own health checks have
// spoken once: the other one knows which servers are down, and neither clients nor a tier above must find out again.
import type { Snapshot } from '../../messages/snapshot.ts'
import { HEALTH_CHECKING } from '../../model/states.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'

/** A server that is not there takes as long as the timeout of its check; there is no point in waiting for more than this. */
const PATIENCE_MS = 5000
const LOOK_MS = 20

export async function serversAreKnown({ shared }: Scoreboard, { backends }: Snapshot): Promise<void> {
  const slots = backends.flatMap(({ servers }) => servers.map(({ slot }) => slot))
  const isUnknown = (slot: number): boolean => Atomics.load(shared.server.health, slot) === HEALTH_CHECKING
  for (const end = Date.now() + PATIENCE_MS; slots.some(isUnknown) && Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
