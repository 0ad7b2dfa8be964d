/** bogofilter by file names on standard input (`-b`), so that one process judges all of them. It has no rules: untaught it knows nothing. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { programPath } from './installed.js'
import type { Answers, PeerKind, Sample } from './peer.js'

export const bogofilter: PeerKind = {
  name: 'bogofilter',
  learnsOnly: true,
  missing: () => (programPath('bogofilter') === undefined ? 'apt install bogofilter' : undefined),
  async start(folder) {
    return {
      name: 'bogofilter',
      async teach(samples) {
        for (const [label, flag] of [
          ['spam', '-s'],
          ['ham', '-n'],
        ] as const) {
          run(
            ['-d', folder, flag, '-b'],
            samples.filter(one => one.label === label),
          )
        }
      },
      async ask(samples) {
        const before = childrenCpuMs()
        const lines = run(['-d', folder, '-T', '-b'], samples).trim().split('\n')
        return answersOf(lines, samples.length, childrenCpuMs() - before)
      },
      end: async () => undefined,
    }
  },
}

/** `/path/to/mail S 0.999` (or H, U): unsure is not spam. */
function answersOf(lines: readonly string[], count: number, cpuMs: number): Answers {
  if (lines.length !== count) throw new Error(`bogofilter answered ${lines.length} times of ${count}`)
  const opinions = lines.map(line => {
    const [kind, score] = line.trim().split(/\s+/).slice(-2)
    return { score: Number(score), spam: kind === 'S' }
  })
  return { opinions, cpuMs, times: [] }
}

function run(args: readonly string[], samples: readonly Sample[]): string {
  const input = samples.map(({ path }) => `${path}\n`).join('')
  const done = spawnSync('bogofilter', args, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  // 0, 1 and 2 are spam, ham and unsure.
  if (done.status === null || done.status > 2) throw new Error(`bogofilter: ${done.stderr}`)
  return done.stdout
}

/** cutime and cstime of proc(5) stat: of children that have been waited for. */
function childrenCpuMs(): number {
  const text = readFileSync('/proc/self/stat', 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}
