/** `posthouse place list`: the places, whose mail goes there, and how it is locked or bounded. */
import type { Command } from 'posthouse/api'
import { inWords, type Place } from './place.js'

export function placeCommands(places: readonly Place[]): readonly Command[] {
  return [
    {
      name: 'place list',
      summary: 'show the places outside of the store that mail goes to, and whose',
      arity: [0, 0],
      run(run) {
        if (run.json) run.print(JSON.stringify(places.map(shown)))
        else if (places.length === 0) run.print('there are no places: all mail goes into mailboxes of ours')
        else for (const place of places) run.print(line(place))
        return Promise.resolve()
      },
    },
  ]
}

function shown(place: Place) {
  return { name: place.name, kind: place.kind, where: inWords(place), for: place.for, anyName: place.anyName }
}

function line(place: Place): string {
  const whose = place.for.length === 0 ? 'nobody' : place.for.join(', ')
  return `${place.name}: ${inWords(place)}  for ${whose}${place.anyName ? ', and names that nobody has' : ''}`
}
