/**
 * `npm test`: every test file in a process of its own, told as TAP; right before the counts stands what failed and why.
 * Words after `npm test --` choose the files whose path holds one of them, or are a file's absolute path.
 */
import { readdirSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { run } from 'node:test'
import { tap } from 'node:test/reporters'
import { ROOT } from './harness/instance.js'
import { type TestEvent, TestSummary } from './harness/test-summary.js'

/** As many as a small machine has cores: some tests start servers of two workers. */
const AT_A_TIME = 2
/**
 * A file that hangs ends here; far from what any of them takes on a machine that does much else. Nothing else ends a single test that has no limit
 * of its own: Node.js 20 knows `--test-timeout` for files alone.
 */
const FILE_MS = 15 * 60_000

const words = process.argv.slice(2)
const files = words.length > 0 && words.every(isAbsolute) ? words : ours().filter(chosen)

const summary = new TestSummary(ROOT)
const events = run({ files, concurrency: AT_A_TIME, timeout: FILE_MS }) as AsyncIterable<TestEvent>
for await (const text of tap(summarised(events) as never)) process.stdout.write(text)
process.exitCode = summary.failed || files.length === 0 ? 1 : 0

function ours(): readonly string[] {
  return readdirSync(join(ROOT, 'dist/test'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.js'))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
    .toSorted()
}

function chosen(path: string): boolean {
  return words.length === 0 || words.some(word => path.includes(word))
}

/** The same events, with the summary in front of the counts. */
async function* summarised(source: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  for await (const event of source) {
    summary.note(event)
    if (isFirstCount(event)) {
      for (const message of summary.lines()) yield { type: 'test:diagnostic', data: { nesting: 0, message } }
    }
    yield event
  }
}

function isFirstCount({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.file === undefined && /^tests \d+$/.test(data.message ?? '')
}
