// How the tests run: files in parallel, each in a process of its own (servers, worker threads and signals do not mix).
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    allowOnly: false, // a `test.only` left behind must not make the rest pass unrun
    pool: 'forks',
    maxWorkers: 2, // more than the smallest machine has cores only makes the tests with clocks less steady
    testTimeout: 60_000, // for what hangs; what only is slow, on a machine that has other things to do, is no failure
    hookTimeout: 60_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
})
