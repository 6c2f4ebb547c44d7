// `weir check`: is this configuration right? Reads the file and the files that it names, and dials nowhere.
import { parseArgs } from 'node:util'
import type { Config } from '../config/config.ts'
import { formatProblems } from '../config/format.ts'
import { loadConfig } from '../config/load.ts'
import { checkBalancerFiles } from '../control/balance/check-files.ts'
import { checkCertificateFolders } from '../control/certificates/check-folders.ts'
import { checkRevocationLists } from '../control/certificates/check-revocations.ts'

export const checkUsage = `Usage: weir check [-c] FILE [--format text|json]

Reads a configuration file, or a folder of *.yaml files, and reports all problems at once.

  -c, -f, --config FILE   the same as FILE
      --format FORMAT     text (problems on stderr) or json (one document on stdout)
  -h, --help              this text

Exit codes: 0 valid (there may be warnings), 1 invalid, 2 wrong usage.
`

const options = {
  config: { type: 'string', short: 'c' },
  file: { type: 'string', short: 'f' },
  format: { type: 'string', default: 'text' },
  help: { type: 'boolean', short: 'h' },
} as const

/** @param argv what follows the word `check` @returns the exit code */
export async function check(argv: string[]): Promise<number> {
  const usage = (why: string): number => {
    process.stderr.write(`weir check: ${why}\n\n${checkUsage}`)
    return 2
  }
  const parsed = attempt(() => parseArgs({ args: argv, options, allowPositionals: true }))
  if (parsed instanceof Error) return usage(parsed.message)
  const { values, positionals } = parsed
  if (values.help) {
    process.stdout.write(checkUsage)
    return 0
  }
  const { format } = values
  if (format !== 'text' && format !== 'json') return usage(`--format is text or json, not "${format}"`)
  const files = [values.config, values.file, ...positionals].filter((file) => file !== undefined)
  const [file] = files
  if (file === undefined) return usage('name a configuration file')
  if (files.length > 1) return usage('name one file; for several, name the folder they are in')

  let loaded = loadConfig(file)
  for (const more of [checkBalancerFiles, checkCertificateFolders, checkRevocationLists]) loaded = await more(loaded)
  const problems = loaded.config ? loaded.warnings : loaded.problems
  const report = formatProblems(problems, loaded.sources, format)
  if (format === 'json') process.stdout.write(report)
  else process.stderr.write(report)
  if (!loaded.config) return 1
  if (format === 'text') process.stdout.write(`${file}: OK (${summary(loaded.config)})\n`)
  return 0
}

/** '2 frontends, 3 backends, 7 servers' */
export function summary({ frontends, backends }: Config): string {
  const servers = backends.reduce((sum, backend) => sum + backend.servers.length, 0)
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
  return [counted(frontends.length, 'frontend'), counted(backends.length, 'backend'), counted(servers, 'server')].join(
    ', ',
  )
}

function attempt<T>(run: () => T): T | Error {
  try {
    return run()
  } catch (error) {
    return error as Error
  }
}
