// `weir version`, and the version for everybody else: it stands in package.json, two folders up in a checkout and in a build.
import { readFileSync } from 'node:fs'

export const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version

export async function printVersion(): Promise<number> {
  process.stdout.write(`weir ${version} (Node ${process.versions.node}, ${process.platform} ${process.arch})\n`)
  return 0
}
