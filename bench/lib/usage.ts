/**
 * What the processes of one process group have used, from Linux's /proc: CPU, peak memory, bytes written.
 * The load clients live in other groups, so theirs is never counted. On systems without /proc everything is unknown.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Used during a round. `undefined`: cannot be known here. */
export interface Usage {
  readonly cpuMs?: number | undefined
  readonly peakBytes?: number | undefined
  readonly anonymousBytes?: number | undefined
  /** write_bytes: pages made dirty. An upper bound, far too high where the page cache has large folios. */
  readonly dirtiedBytes?: number | undefined
  readonly fileBytes?: number | undefined
  readonly flushes?: number | undefined
  readonly flushMs?: number | undefined
}

export interface Reading {
  readonly pids: readonly number[]
  readonly cpuMs: number
  readonly peakBytes: number
  readonly anonymousBytes: number
  readonly dirtiedBytes: number
}

const TICK_MS = 1000 / clockTicks()

/** The group's processes, all added up; `undefined` when there are none to be seen. */
export function readUsage(group: number): Reading | undefined {
  const found = processesOf(group)
  if (found.length === 0) return undefined
  const total = { cpuMs: 0, peakBytes: 0, anonymousBytes: 0, dirtiedBytes: 0 }
  for (const { pid, cpuMs } of found) {
    const status = readProc(pid, 'status') ?? ''
    total.cpuMs += cpuMs
    total.peakBytes += field(status, 'VmHWM') * 1024
    total.anonymousBytes += field(status, 'RssAnon') * 1024
    total.dirtiedBytes += field(readProc(pid, 'io') ?? '', 'write_bytes')
  }
  return { pids: found.map(({ pid }) => pid), ...total }
}

/** What was used between two readings. A process that came or went makes the sums wrong, so they are unknown then, but for the CPU. */
export function usageBetween(before: Reading | undefined, after: Reading | undefined): Usage {
  if (before === undefined || after === undefined || !before.pids.some(pid => after.pids.includes(pid))) return {}
  const cpuMs = after.cpuMs - before.cpuMs
  if (before.pids.join() !== after.pids.join()) return { cpuMs }
  return {
    cpuMs,
    peakBytes: after.peakBytes,
    anonymousBytes: after.anonymousBytes,
    dirtiedBytes: after.dirtiedBytes - before.dirtiedBytes,
  }
}

/**
 * Octets that belong to the processes of a group and to no file, in memory: pages several of them share are shared out (Pss_Anon and Pss_Shmem of
 * proc(5) smaps_rollup). Processes with a page table each cost more than that.
 */
export function readOwnMemory(group: number): number {
  return processesOf(group)
    .map(({ pid }) => readProc(pid, 'smaps_rollup') ?? '')
    .reduce((sum, text) => sum + (field(text, 'Pss_Anon') + field(text, 'Pss_Shmem')) * 1024, 0)
}

/** Makes VmHWM start again from now: proc(5), clear_refs 5. */
export function resetPeak(group: number): void {
  for (const { pid } of processesOf(group)) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}

/**
 * utime, stime and, of children that have ended, cutime and cstime stand 14th to 17th in proc(5) stat, pgrp 5th; the name in brackets may
 * hold anything, so count from its end.
 */
export function readStat(text: string): { readonly group: number; readonly cpuMs: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { group: Number(fields[2]), cpuMs: ticks * TICK_MS }
}

function processesOf(group: number): { readonly pid: number; readonly cpuMs: number }[] {
  const found: { pid: number; cpuMs: number }[] = []
  for (const pid of allPids()) {
    const text = readProc(pid, 'stat')
    if (text === undefined) continue
    const stat = readStat(text)
    if (stat.group === group) found.push({ pid, cpuMs: stat.cpuMs })
  }
  return found
}

function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^[0-9]+$/.test(name))
      .map(Number)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Processes end between listing and reading, and some files are not ours to read. */
function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*([0-9]+)`, 'm').exec(text)?.[1] ?? 0)
}

function clockTicks(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100
  } catch {
    return 100
  }
}
