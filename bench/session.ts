// What a run needs around it: a folder for temporary files, certificates, the servers behind; all gone when it ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBackend } from './backend.ts'
import { makeCertificates } from './certificates.ts'
import { firstLine } from './machine.ts'
import { placement } from './measure.ts'
import type { Bench } from './measure.ts'
import { endChildrenOnExit } from './process.ts'

/** Programs without which nothing can be measured; scripts/test-peers.sh installs them. */
const needed: readonly (readonly [string, string])[] = [
  ['taskset', '--version'],
  ['haproxy', '-v'],
  ['nginx', '-v'],
  ['wrk', '--version'],
  ['openssl', 'version'],
]

/** @throws when a program is missing or the servers behind do not start, and whatever `work` throws */
export async function withBench<Result>(seconds: number, work: (bench: Bench) => Promise<Result>): Promise<Result> {
  const missing = needed.filter((command) => firstLine(...command) === null).map(([name]) => name)
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}; scripts/test-peers.sh installs them`)
  endChildrenOnExit()
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const certificates = await makeCertificates(folder)
  const backend = await startBackend(folder, placement(1).load)
  try {
    return await work({ folder, backend, certificates, seconds })
  } finally {
    await backend.stop()
  }
}
