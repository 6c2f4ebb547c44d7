// The pieces that a plot is drawn with: axes with scales and ticks, paths, text. Markup as strings, no script, no library;
// colours are CSS variables, so that one file reads on a light and on a dark page. Pure.

/** Where a panel's data area is, in units of the drawing. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** From a value to a place on an axis, between `from` and `to`. Logarithmic scales need positive bounds. */
export interface Scale {
  readonly kind: 'linear' | 'log'
  readonly low: number
  readonly high: number
}

/** 0 at the low end, 1 at the high one; what lies outside is brought to the edge. */
export function fraction({ kind, low, high }: Scale, value: number): number {
  const position = kind === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low)
  return Number.isNaN(position) ? 0 : Math.min(1, Math.max(0, position))
}

/** Round values within the scale: 1, 2 and 5 times powers of ten where it is logarithmic, about five where it is linear. */
export function ticks({ kind, low, high }: Scale): number[] {
  const within = (value: number): boolean => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)
  if (kind === 'log') {
    const all: number[] = []
    const decades = Math.log10(high / low)
    const steps = decades > 2.5 ? [1] : [1, 2, 5]
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      all.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(3))))
    return all.filter(within)
  }
  const rough = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!
  return Array.from({ length: 12 }, (_, i) => Number((Math.ceil(low / step) * step + i * step).toPrecision(12))).filter(
    within,
  )
}

const round = (value: number): string => String(Math.round(value * 10) / 10)

export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A line through points of two scales, as the data of a path. */
export function curve(
  points: readonly (readonly [x: number, y: number])[],
  { box, x, y }: { box: Box; x: Scale; y: Scale },
): string {
  return points
    .map(([px, py], i) => {
      const left = box.left + fraction(x, px) * box.width
      const top = box.top + (1 - fraction(y, py)) * box.height
      return `${i === 0 ? 'M' : 'L'}${round(left)} ${round(top)}`
    })
    .join('')
}

interface Axis {
  readonly scale: Scale
  readonly label: string
  readonly format: (value: number) => string
}

/** Grid, ticks, labels of the axes and a heading. */
export function frame(box: Box, heading: string, x: Axis, y: Axis): string {
  const bottom = box.top + box.height
  const parts = [`<text class="heading" x="${box.left}" y="${box.top - 24}">${escapeText(heading)}</text>`]
  for (const tick of ticks(x.scale)) {
    const at = round(box.left + fraction(x.scale, tick) * box.width)
    parts.push(`<path class="grid" d="M${at} ${box.top}V${bottom}"/>`)
    parts.push(
      `<text class="tick" x="${at}" y="${bottom + 16}" text-anchor="middle">${escapeText(x.format(tick))}</text>`,
    )
  }
  for (const tick of ticks(y.scale)) {
    const at = box.top + (1 - fraction(y.scale, tick)) * box.height
    parts.push(`<path class="grid" d="M${box.left} ${round(at)}h${box.width}"/>`)
    parts.push(
      `<text class="tick" x="${box.left - 8}" y="${round(at + 4)}" text-anchor="end">${escapeText(y.format(tick))}</text>`,
    )
  }
  parts.push(
    `<text class="tick" x="${box.left + box.width}" y="${bottom + 34}" text-anchor="end">${escapeText(x.label)}</text>`,
  )
  parts.push(`<text class="tick" x="${box.left}" y="${box.top - 7}">${escapeText(y.label)}</text>`)
  return parts.join('\n')
}

/** A line of a legend: how it looks, what it is called. @param style attributes of the stroke */
export function legendItem(left: number, top: number, style: string, label: string): string {
  const text = `<text class="label" x="${left + 30}" y="${top + 4}">${escapeText(label)}</text>`
  return `<path ${style} d="M${left} ${top}h22"/>${text}`
}
