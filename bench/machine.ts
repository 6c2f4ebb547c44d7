// Facts about the machine and the programs on it, for the head of the results.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { childEnv } from './process.ts'

/** How many cores this process may use. */
export const cores = os.availableParallelism()

/** First line that a command prints, on either stream; null when there is no such command. */
export function firstLine(command: string, ...args: string[]): string | null {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: childEnv(), timeout: 5000 })
  return error ? null : `${stdout}${stderr}`.trim().split('\n')[0]!
}

/** Version in the package.json of a folder of the checkout. */
export function packageVersion(folder: string): string {
  const file = join(import.meta.dirname, '..', folder, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** One line each: what the numbers depend on. */
export function machineFacts(): string[] {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown CPU'
  return [
    `CPU: ${cpu}, ${cores} core${cores === 1 ? '' : 's'}`,
    `Memory: ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `Kernel: ${os.type()} ${os.release()}`,
    `Load generators: ${wrkVersion()}; Node ${process.versions.node} (OpenSSL ${process.versions.openssl}) for TLS handshakes and idle connections`,
    `OpenSSL of the system (HAProxy, nginx, wrk): ${firstLine('openssl', 'version') ?? 'not installed'}`,
  ]
}

const wrkVersion = (): string => /^wrk \S+/.exec(firstLine('wrk', '--version') ?? '')?.[0] ?? 'wrk (not installed)'
