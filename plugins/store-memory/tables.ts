/** Tables of plugins in memory, sorted when they are listed. */
import { MAX_TABLE_KEY, type Table, type Tables } from 'posthouse/api'

const DEFAULT_MOST = 1000

export function createMemoryTables(): Tables {
  const tables = new Map<string, Table>()
  return {
    table(name) {
      const table = tables.get(name) ?? memoryTable()
      tables.set(name, table)
      return table
    },
  }
}

function memoryTable(): Table {
  const kept = new Map<string, string>()
  return {
    get: async keys => keys.map(key => kept.get(key)),
    list: async (prefix, after = '', most = DEFAULT_MOST) =>
      [...kept]
        .filter(([key]) => key.startsWith(prefix) && byOctets(key, after) > 0)
        .sort(([a], [b]) => byOctets(a, b))
        .slice(0, most)
        .map(([key, value]) => ({ key, value })),
    async write(changes) {
      for (const { key } of changes) mustFit(key)
      for (const { key, value } of changes) {
        if (value === undefined) kept.delete(key)
        else kept.set(key, value)
      }
    },
    size: async () => kept.size,
  }
}

function byOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function mustFit(key: string): void {
  const octets = Buffer.byteLength(key)
  if (octets === 0 || octets > MAX_TABLE_KEY)
    throw new RangeError(`a key has 1 to ${MAX_TABLE_KEY} octets, not ${octets}`)
}
