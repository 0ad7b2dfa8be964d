/**
 * `npm run bench -- compare A.json B.json`: what became of each figure, as B divided by A. Rates: above 1 is better; all others: below 1 is better. On a machine that
 * was busier in one of the runs only `CPU × ref` means something, which each run has measured against its own reference. With `--limit 1.2` it ends with
 * 1 when a message costs more than so much of what it cost (by `CPU × ref` where both have it).
 */
import { type Comparison, compared, tableOfComparison, worst } from './lib/comparison.js'
import { parseOptions, Wrong } from './lib/options.js'
import { readResults, titleOf, UnreadableResults } from './lib/results.js'

const HELP = `npm run bench -- compare A.json B.json [--limit 1.2] [--json]

  --limit N   end with 1 when a message of B costs more than N times the CPU it cost in A
  --json      the comparison as JSON
`

function main(): number {
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: { limit: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  })
  const [before, after, ...others] = positionals
  if (values.help === true || before === undefined || after === undefined || others.length > 0) {
    process.stdout.write(HELP)
    return values.help === true ? 0 : 2
  }
  const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit)
  if (!(limit > 0)) throw new Wrong(`--limit: expected a number above 0, found "${values.limit}"`)
  const [a, b] = [readResults(before), readResults(after)]
  const comparison = compared(a, b)
  if (values.json === true) process.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`)
  else process.stdout.write(`A ${titleOf(a)}\nB ${titleOf(b)}\n\n${tableOfComparison(comparison)}`)
  return verdict(comparison, limit)
}

function verdict(comparison: Comparison, limit: number): number {
  const beyond = worst(comparison, limit)
  for (const { case: name, server, by } of beyond)
    process.stderr.write(
      `${server}, ${name}: a message costs ${by.toFixed(2)} times what it cost, the limit is ${limit}\n`,
    )
  return beyond.length > 0 ? 1 : 0
}

try {
  process.exitCode = main()
} catch (error) {
  if (!(error instanceof UnreadableResults || error instanceof Wrong)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
