// "Did you mean": the known word that is nearest to what was written, by edit distance. Damerau 1964, with swaps of
// neighbours counted as one edit. O(n * m) per word, run only when there is a problem to report.

/** Edits (insert, delete, replace, swap neighbours) that make one word of the other. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(replaced, row[j - 1]! + 1, rows[i - 1]![j]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

const folded = (word: string): string => word.toLowerCase().replaceAll('-', '_')

/** The nearest word, if it is near enough for a slip of the fingers: one edit in three letters. */
export function nearest(written: string, words: Iterable<string>): string | null {
  if (written.length > 64) return null
  let best: string | null = null
  let least = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const word of words) {
    const distance = editDistance(folded(written), folded(word))
    if (distance < least) {
      least = distance
      best = word
    }
  }
  return best
}

/** `: did you mean "x"?`, or `; known: a, b, c` when nothing is near. */
export function suggestion(written: string, words: Iterable<string>): string {
  const known = [...words]
  const near = nearest(written, known)
  if (near !== null) return `: did you mean "${near}"?`
  return known.length === 0 ? '' : `; known here: ${known.join(', ')}`
}
