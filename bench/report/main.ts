/**
 * `npm run bench -- report A.json [B.json…]`: draws charts of all figures (SVG) and a page that shows them into bench/results/, which git ignores but for
 * `docs/` in it. Several files are drawn beside each other, under the names of the files.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseOptions, Wrong } from '../lib/options.js'
import { readResults, titleOf, UnreadableResults } from '../lib/results.js'
import { ROOT } from '../lib/root.js'
import { escaped, svgOf } from './chart.js'
import { chartsOf, type Named } from './charts.js'

const HELP = `npm run bench -- report FILE.json… [--to DIR]

  --to DIR   where charts and index.html go (default: bench/results)
`

function main(): number {
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: { to: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help === true || positionals.length === 0) {
    process.stdout.write(HELP)
    return values.help === true ? 0 : 2
  }
  const files = positionals.map(path => ({ name: basename(path, '.json'), results: readResults(path) }))
  const folder = values.to === undefined ? join(ROOT, 'bench/results') : resolve(values.to)
  mkdirSync(folder, { recursive: true })
  const charts = chartsOf(files)
  for (const [name, chart] of charts) writeFileSync(join(folder, `${name}.svg`), svgOf(chart))
  writeFileSync(join(folder, 'index.html'), pageOf(files, [...charts.keys()]))
  process.stdout.write(`${charts.size} charts and index.html in ${folder}\n`)
  return 0
}

function pageOf(files: readonly Named[], charts: readonly string[]): string {
  const about = files.map(({ name, results }) => {
    const set = (results.about ?? []).map(line => `<li>${escaped(line)}</li>`).join('')
    return `<p><b>${escaped(name)}</b>, ${escaped(titleOf(results))}</p>${set === '' ? '' : `<ul>${set}</ul>`}`
  })
  const images = charts.map(name => `<img src="${escaped(name)}.svg" alt="${escaped(name)}">`)
  return `<!doctype html><meta charset="utf-8"><title>Posthouse bench</title>
<style>body { font: 15px system-ui, sans-serif; max-width: 900px; margin: 2em auto; color-scheme: light dark } img { display: block; margin: 1em 0; max-width: 100% }</style>
<h1>Posthouse bench</h1>
${about.join('\n')}
${images.join('\n')}
`
}

try {
  process.exitCode = main()
} catch (error) {
  if (!(error instanceof UnreadableResults || error instanceof Wrong)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
