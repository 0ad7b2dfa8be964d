/**
 * Lists of domains and endings: shipped ones in the folder `rules/lists` of the package, and the admin's. Files hold names apart by white space; `#`
 * starts a comment.
 */
import { readFile } from 'node:fs/promises'
import type { Files } from 'posthouse/api'
import { domainKey, namesInList } from 'posthouse/text'
import type { Config, ListName } from './config.js'

const FILES: Readonly<Record<ListName, string>> = {
  free_mail: 'free-mail',
  disposable: 'disposable',
  cheap_endings: 'cheap-endings',
}

const MAX_FILE_BYTES = 16 * 1024 * 1024

export type Lists = Readonly<Record<ListName, ReadonlySet<string>>>

/** What is wrong with a file of the admin's. */
export class ListFault extends Error {
  readonly list: ListName
  readonly index: number
  constructor(list: ListName, index: number, message: string) {
    super(message)
    this.name = 'ListFault'
    this.list = list
    this.index = index
  }
}

export async function readLists(config: Config['lists'], files: Files): Promise<Lists> {
  const read = async (name: ListName) => {
    const { add, except, files: more } = config[name]
    const names = new Set(await files.shippedNames(FILES[name]))
    for (const [index, file] of more.entries()) {
      const text = await readFile(files.resolve(file), 'utf8').catch((error: unknown) => {
        throw new ListFault(
          name,
          index,
          `${file} cannot be read: ${error instanceof Error && 'code' in error ? error.code : error}`,
        )
      })
      if (text.length > MAX_FILE_BYTES) throw new ListFault(name, index, `${file} is larger than 16 MiB`)
      for (const one of namesInList(text)) names.add(one)
    }
    for (const one of add) names.add(plain(one))
    for (const one of except) names.delete(plain(one))
    return names
  }
  return {
    free_mail: await read('free_mail'),
    disposable: await read('disposable'),
    cheap_endings: await read('cheap_endings'),
  }
}

/** Names below it are meant in any case: who writes `.example.org` or `*.example.org` says no more. */
function plain(name: string): string {
  const bare = name.replace(/^\*?\./, '')
  return domainKey(bare)
}
