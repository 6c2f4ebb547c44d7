// Writes what is generated from the declarations: the JSON Schema, the manual of the configuration, the list of reasons.
// `node src/config/generate.ts` writes them, `--check` only tells whether they are up to date (exit code 1: they are not).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { jsonSchema } from './json-schema.ts'
import { configurationManual } from './manual.ts'
import { reasonsManual } from './reasons-manual.ts'

/** Text of each generated file by its path in the repository. */
export const generated: Readonly<Record<string, () => string>> = {
  'config/weir.schema.json': jsonSchema,
  'docs/configuration.md': configurationManual,
  'docs/reasons.md': reasonsManual,
}

/** Paths of the generated files that are missing or out of date below a folder. */
export function staleFiles(root: string): string[] {
  return Object.entries(generated).flatMap(([path, make]) => {
    const file = join(root, path)
    return existsSync(file) && readFileSync(file, 'utf8') === make() ? [] : [path]
  })
}

function main(args: readonly string[]): number {
  const root = join(import.meta.dirname, '..', '..')
  const stale = staleFiles(root)
  if (args.includes('--check')) {
    if (stale.length > 0) process.stderr.write(`Out of date: ${stale.join(', ')}. Run: npm run generate\n`)
    return stale.length > 0 ? 1 : 0
  }
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), generated[path]!())
    process.stdout.write(`${path}\n`)
  }
  return 0
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2))
