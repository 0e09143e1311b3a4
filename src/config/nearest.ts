/** The known names nearest to a misspelt one. */

/**
 * Finds the words nearest to a misspelt one, the nearest first, in any letter case.
 *
 * @param most how many at most
 * @returns only words that share more than half of their letters with it; perhaps none
 */
export function nearest(misspelt: string, words: Iterable<string>, most: number): string[] {
  return [...words]
    .map((word) => ({ word, edits: edits(misspelt.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, edits }) => edits < Math.max(word.length, misspelt.length) / 2)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, most)
    .map(({ word }) => word)
}

/** Counts the letters to insert, delete or replace to get the other word (Levenshtein 1966). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...to].entries()) {
      const [replaced = 0, deleted = 0] = row.slice(column)
      const inserted = next[column] ?? 0
      next.push(Math.min(replaced + (other === letter ? 0 : 1), deleted + 1, inserted + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
