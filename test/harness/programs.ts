/** Runs clients we did not write (curl, swaks, python3, mbsync …) and keeps what they say. */
import { spawn } from 'node:child_process'

/** Starting a program takes long when the machine does much else. */
const PROGRAM_MS = 120_000

export interface ProgramResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function runProgram(
  program: string,
  args: readonly string[],
  options: {
    readonly stdin?: string | Buffer
    readonly env?: Record<string, string>
    readonly timeoutMs?: number
  } = {},
): Promise<ProgramResult> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? PROGRAM_MS,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('latin1')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('latin1')
    })
    child.once('error', fail)
    child.once('close', code => done({ code, stdout, stderr }))
    child.stdin.once('error', () => undefined)
    child.stdin.end(options.stdin ?? '')
  })
}
