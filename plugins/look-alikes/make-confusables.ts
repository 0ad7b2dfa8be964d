/**
 * Makes rules/look-alikes/confusables.txt from Unicode's file of that name (https://www.unicode.org/Public/security/), for a new version of Unicode:
 *
 *     node dist/plugins/look-alikes/make-confusables.js confusables.txt > rules/look-alikes/confusables.txt
 */
import { readFileSync } from 'node:fs'
import { compactConfusables } from './confusables.js'

const [, , file] = process.argv
if (file === undefined) throw new Error('expected the name of the file with Unicode’s confusables')
process.stdout.write(compactConfusables(readFileSync(file, 'utf8')))
