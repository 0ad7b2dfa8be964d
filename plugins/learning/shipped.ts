/** Where the model lies that comes with Posthouse: `rules/models` of this package, wherever it was built to. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function shippedModel(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) throw new Error('the folder of the starting model is not there')
    folder = above
  }
  return join(folder, 'rules', 'models', 'learning.model')
}
