/** Places on the command line are looked at before anything is measured: a run of minutes must not end with a file that cannot be written. */
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Wrong } from './options.js'

/** @throws Wrong */
export function checkPlaces({ folder, json }: { readonly folder: string; readonly json?: string | undefined }): void {
  checkFolder('--folder', resolve(folder))
  if (json === undefined) return
  if (statSync(json, { throwIfNoEntry: false })?.isDirectory()) throw new Wrong(`--json: ${json} is a folder`)
  checkFolder('--json', dirname(resolve(json)))
}

function checkFolder(option: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Wrong(`${option}: there is no folder ${path}`)
  try {
    accessSync(path, constants.W_OK)
  } catch {
    throw new Wrong(`${option}: ${path} cannot be written to`)
  }
}
