// `npm run chaos -- --seconds 60 --seed 7`: the chaos test alone, for as long as one wants.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
for (const [name, value] of Object.entries(values)) {
  if (!/^\d{1,9}$/.test(value)) {
    console.error(`--${name}: expected a whole number, got "${value}"`)
    process.exit(2)
  }
}
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/chaos'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    WEIR_CHAOS_SECONDS: values.seconds,
    ...(values.seed === undefined ? {} : { WEIR_CHAOS_SEED: values.seed }),
  },
})
process.exit(status ?? 1)
