// Puts the table of metrics behind a registry of the Prometheus client, which writes the text. Nothing is counted here:
// each metric is emptied and filled from the scoreboard when the text is asked for.
import { Counter, Gauge, Registry, type Metric as RegisteredMetric } from '@prometheus-io/client'
import type { View } from '../view.ts'
import { metrics } from './definitions.ts'
import type { Distribution, DistributionMetric, Metric, SimpleMetric } from './metric.ts'

type Labels = Record<string, string>

/** A registry whose `metrics()` reads the view anew each time. */
export function createRegistry(view: View, table: readonly Metric[] = metrics): Registry {
  const registry = new Registry()
  for (const metric of table) {
    if (isSimple(metric)) simple(metric, view, registry)
    else registry.registerMetric(distribution(metric, view))
  }
  return registry
}

const isSimple = (metric: Metric): metric is SimpleMetric => metric.type === 'counter' || metric.type === 'gauge'

const labelled = (names: readonly string[], values: readonly string[]): Labels =>
  Object.fromEntries(names.map((name, i) => [name, values[i]!]))

function simple({ type, name, help, labels, read }: SimpleMetric, view: View, registry: Registry): void {
  const common = { name, help, labelNames: [...labels], registers: [registry] }
  if (type === 'counter') {
    const metric: Counter<string> = new Counter({
      ...common,
      collect: () => {
        metric.reset()
        read(view, (value, ...values) => metric.inc(labelled(labels, values), value))
      },
    })
  } else {
    const metric: Gauge<string> = new Gauge({
      ...common,
      collect: () => {
        metric.reset()
        read(view, (value, ...values) => metric.set(labelled(labels, values), value))
      },
    })
  }
}

interface Line {
  readonly metricName: string
  readonly labels: Labels
  readonly value: number
}

/**
 * The client's own histogram and summary take observations one at a time; ours are counted already. What a registry needs
 * of a metric is its name and a get() with the finished lines, which is also how it holds aggregated ones.
 */
function distribution({ type, name, help, labels, read }: DistributionMetric, view: View): RegisteredMetric {
  const get = () => {
    const values: Line[] = []
    read(view, (value, ...own) => values.push(...lines(name, type, labelled(labels, own), value)))
    return { name, help, type, aggregator: 'sum', values }
  }
  return { name, help, type, aggregator: 'sum', get } as unknown as RegisteredMetric
}

function lines(
  name: string,
  type: 'histogram' | 'summary',
  labels: Labels,
  { bounds, cells, sum }: Distribution,
): Line[] {
  const result: Line[] = []
  let count = 0
  cells.forEach((n, i) => {
    count += n
    if (type === 'histogram') {
      const le = bounds[i] === undefined ? '+Inf' : String(bounds[i])
      result.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count })
    }
  })
  result.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count })
  return result
}
